// Part of cgpipe. SPDX-License-Identifier: MIT (may be combined with LAMMPS, whose licence is GPL-2.0).
//
// A part of the system on the device: its topology stays there, positions go in, energies and forces come out.

#ifndef CGPIPE_PROGRAM_H
#define CGPIPE_PROGRAM_H

#include "exported_model.h"
#include "partition.h"
#include "runtime.h"

#include <map>
#include <memory>

namespace cgpipe {

// What a program returned for one part, in the order of its rows.
struct Result {
  std::vector<double> energies;    // [kcal/mol]
  std::vector<double> forces;      // three per row [kcal/mol/A]
  double virial[3][3];             // sum of R x F [kcal/mol]
  int needed;                      // neighbour slots per bead; more than the capacity has: all of this is wrong
};

// All programs of a model, compiled when they are first used.
class Programs {
 public:
  Programs(const Runtime &runtime, ExportedModel model);

  const ExportedModel &model() const { return exported; }
  // Smallest program that holds so many beads; one of them always does.
  std::size_t fitting(std::size_t beads) const;

 private:
  friend class BoundPart;
  const Executable &compiled(std::size_t capacity);

  const Runtime &runtime;
  ExportedModel exported;
  std::vector<Buffer> platform;    // the program's index argument, if it has one
  std::map<std::size_t, std::unique_ptr<Executable>> executables;
};

// A part and its arrays on the device.
class BoundPart {
 public:
  BoundPart(Programs &programs, Part part, const std::vector<int> &species);

  // Positions, three per row [A]. On a grid of 2e-6 A, parts that share beads see exactly the same distances, wherever
  // their centres are, so results do not depend on how a system is divided.
  Result operator()(const std::vector<double> &positions, bool on_grid);

  const Part part;
  int neighbours() const { return programs.model().capacities[capacity].neighbours; }

 private:
  template <typename Real> Result run(const std::vector<double> &positions, pjrt::ElementType type);
  Buffer padded(const std::vector<int> &values) const;
  Buffer padded(const std::vector<char> &values) const;

  Programs &programs;
  std::size_t capacity;
  std::vector<Buffer> topology;
};

}    // namespace cgpipe

#endif
