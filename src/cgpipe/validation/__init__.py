"""What the stage ``validate`` measures, from artefacts to flat numbers: forces on test frames and mean forces."""
