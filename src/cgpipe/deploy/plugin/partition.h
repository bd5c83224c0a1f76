// Part of cgpipe. SPDX-License-Identifier: MIT (may be combined with LAMMPS, whose licence is GPL-2.0).
//
// A process's beads, divided into parts that programs of fixed size can hold. Each bead is owned by exactly one part;
// a part also has the beads that surround its own, within the model's reach. So the energies of all parts add up to
// that of the whole, and so do the forces.

#ifndef CGPIPE_PARTITION_H
#define CGPIPE_PARTITION_H

#include <array>
#include <vector>

namespace cgpipe {

// One bead as this process sees it, its own or a ghost. Periodic images of a molecule differ in `copy`.
struct Bead {
  std::array<double, 3> x;      // [A]
  int molecule;
  std::array<int, 3> copy;      // by how many boxes the molecule it belongs to is shifted
  int id;                       // consecutive IDs of a molecule are bonded
  int atom;                     // index in LAMMPS's arrays
};

// Rows of one program: beads in the order of molecule, copy, ID.
struct Part {
  std::vector<int> atoms;       // index in LAMMPS's arrays
  std::vector<char> owned;
  std::vector<int> chain;       // 0, 1, ...: a number for each copy of each molecule
  std::vector<int> id;
};

// Positions of a part go to its program in single precision, relative to their centre. Up to half of this [A] from it,
// multiples of GRID [A] are exact.
constexpr double WIDEST_PART = 64.0;
// Without the grid a wider part is as exact as a molecule of that width in one program.
constexpr double WIDEST_ALONE = 128.0;
constexpr double GRID = 1.0 / 524288.0;

// Divide the beads; the first `own` of them belong to this process.
// Throws std::runtime_error when a bead and those within `reach` [A] are more than `capacity`.
std::vector<Part> partition(const std::vector<Bead> &beads, int own, double reach, int capacity, double widest);

}    // namespace cgpipe

#endif
