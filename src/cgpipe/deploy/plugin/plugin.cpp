// Part of cgpipe. SPDX-License-Identifier: MIT (may be combined with LAMMPS, whose licence is GPL-2.0).
//
// What `plugin load` looks for. LAMMPS compares CGPIPE_LAMMPS_VERSION, the version it was compiled for, with its own.

#include "pair_cgpipe.h"

extern "C" {

// the record that LAMMPS's plugin command expects (its lammpsplugin.h, which not all installations ship)
struct PluginRecord {
  const char *version, *style, *name, *info, *author;
  LAMMPS_NS::Pair *(*create)(LAMMPS_NS::LAMMPS *);
  void *handle;
};

static LAMMPS_NS::Pair *create_pair(LAMMPS_NS::LAMMPS *lmp)
{
  return new LAMMPS_NS::PairCgpipe(lmp);
}

__attribute__((visibility("default"))) void lammpsplugin_init(void *lmp, void *handle, void *registering)
{
  PluginRecord record{CGPIPE_LAMMPS_VERSION, "pair",  "cgpipe",   "energy and forces by an exported program",
                      "the cgpipe authors",  create_pair, handle};
  reinterpret_cast<void (*)(PluginRecord *, void *)>(registering)(&record, lmp);
}
}
