// Part of cgpipe. SPDX-License-Identifier: MIT (may be combined with LAMMPS, whose licence is GPL-2.0).
//
// pair_style cgpipe <PJRT library>
// pair_coeff * * <model.mlir> <model.json>
//
// Energy and forces of beads by a program that cgpipe exported. Beads of one molecule with consecutive atom IDs are
// bonded; a gap in the IDs is a gap in the chain. Images of a molecule are told apart by its image flags.

#ifndef LMP_PAIR_CGPIPE_H
#define LMP_PAIR_CGPIPE_H

#include "pair.h"

#include "program.h"

#include <memory>
#include <utility>

namespace LAMMPS_NS {

class PairCgpipe : public Pair {
 public:
  explicit PairCgpipe(class LAMMPS *);
  ~PairCgpipe() override;

  void settings(int, char **) override;
  void coeff(int, char **) override;
  void init_style() override;
  double init_one(int, int) override;
  void compute(int, int) override;
  int pack_forward_comm(int, int *, double *, int, int *) override;
  void unpack_forward_comm(int, int, double *) override;

 private:
  void allocate();
  void check_types();
  void divide();
  void tell_division();
  void gather_ids();
  std::vector<cgpipe::Bead> beads();
  void check_bonds();
  bool on_grid() const;
  void evaluate(cgpipe::BoundPart &);

  std::unique_ptr<cgpipe::Runtime> runtime;
  std::unique_ptr<cgpipe::Programs> programs;
  std::vector<std::unique_ptr<cgpipe::BoundPart>> parts;
  std::vector<std::pair<int, int>> bonds;              // atoms of this process, and the next in their molecule
  std::vector<std::pair<tagint, tagint>> everyone;     // ID and molecule of all atoms of all processes, by ID
  bigint gathered = -1;                                // how many atoms there were then
  std::vector<std::array<double, 3>> unwrapped;        // where atoms would be without periodic boundaries
};

}    // namespace LAMMPS_NS

#endif
