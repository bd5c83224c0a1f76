// Part of cgpipe. SPDX-License-Identifier: MIT (may be combined with LAMMPS, whose licence is GPL-2.0).
//
// What model.json says of an exported model, checked against the files beside it.

#ifndef CGPIPE_EXPORTED_MODEL_H
#define CGPIPE_EXPORTED_MODEL_H

#include <string>
#include <vector>

namespace cgpipe {

// A program of fixed size.
struct Capacity {
  int beads;
  int neighbours;        // slots per bead
  std::string module;    // StableHLO
};

struct ExportedModel {
  double reach;           // [A] how far from a bead its energy looks
  double longest_bond;    // [A] beyond which a bond is broken; infinite where the model knows no bonds
  bool double_precision;
  std::vector<std::string> types;
  std::vector<double> masses;             // [g/mol]
  std::vector<std::string> platforms;     // with more than one, their index is the program's first argument
  std::vector<Capacity> capacities;       // smallest first
};

// Read model.json and the programs that it lists, up to and including the named one.
// Throws std::runtime_error with one line: a file is missing, damaged, of another format, or not part of the export.
ExportedModel read_model(const std::string &module, const std::string &model_json);

}    // namespace cgpipe

#endif
