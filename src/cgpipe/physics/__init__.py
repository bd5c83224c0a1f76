"""Force maps, geometry, prior terms, observables and statistics."""
