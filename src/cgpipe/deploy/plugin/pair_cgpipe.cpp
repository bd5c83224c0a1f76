// Part of cgpipe. SPDX-License-Identifier: MIT (may be combined with LAMMPS, whose licence is GPL-2.0).

#include "pair_cgpipe.h"

#include "atom.h"
#include "comm.h"
#include "domain.h"
#include "error.h"
#include "force.h"
#include "memory.h"
#include "neighbor.h"
#include "update.h"
#include "utils.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <stdexcept>
#include <tuple>

using namespace LAMMPS_NS;

// Whatever goes wrong here may go wrong on one process only: error->one() ends all of them, error->all() would wait.

PairCgpipe::PairCgpipe(LAMMPS *lmp) : Pair(lmp)
{
  one_coeff = 1;
  manybody_flag = 1;
  single_enable = 0;
  restartinfo = 0;
  no_virial_fdotr_compute = 1;    // the program's own virial is more exact: it knows positions relative to a centre
  centroidstressflag = CENTROID_NOTAVAIL;
  comm_forward = 3;
}

PairCgpipe::~PairCgpipe()
{
  if (allocated) {
    memory->destroy(setflag);
    memory->destroy(cutsq);
  }
}

void PairCgpipe::allocate()
{
  const int n = atom->ntypes + 1;
  memory->create(setflag, n, n, "pair:setflag");
  memory->create(cutsq, n, n, "pair:cutsq");
  for (int i = 1; i < n; i++)
    for (int j = 1; j < n; j++) setflag[i][j] = 1;
  allocated = 1;
}

void PairCgpipe::settings(int narg, char **arg)
{
  if (narg != 1) error->all(FLERR, "pair_style cgpipe takes one argument, the path of a PJRT library");
  try {
    runtime = std::make_unique<cgpipe::Runtime>(arg[0]);
  } catch (const std::exception &problem) {
    error->one(FLERR, "pair_style cgpipe: {}", problem.what());
  }
}

void PairCgpipe::coeff(int narg, char **arg)
{
  if (narg != 4 || strcmp(arg[0], "*") != 0 || strcmp(arg[1], "*") != 0)
    error->all(FLERR, "pair_coeff of pair_style cgpipe must be: pair_coeff * * model.mlir model.json");
  parts.clear();
  try {
    programs = std::make_unique<cgpipe::Programs>(*runtime, cgpipe::read_model(arg[2], arg[3]));
  } catch (const std::exception &problem) {
    error->one(FLERR, "pair_coeff of pair_style cgpipe: {}", problem.what());
  }
  if (!allocated) allocate();
  check_types();
  if (comm->me == 0) {
    const auto &model = programs->model();
    utils::logmesg(lmp, "cgpipe: {} on {} (PJRT C API 0.{}), programs for up to {} beads, reach {:.2f} A\n", arg[3],
                   runtime->platform(), runtime->minor_version(), model.capacities.back().beads, model.reach);
  }
}

void PairCgpipe::check_types()
{
  const auto &model = programs->model();
  const int types = static_cast<int>(model.types.size());
  if (atom->ntypes != types)
    error->all(FLERR, "pair_style cgpipe: the system has {} atom types but the model {}, {} ... {}; declare all of them",
               atom->ntypes, types, model.types.front(), model.types.back());
  if (!atom->labelmapflag) return;
  for (int i = 0; i < types; i++) {
    // returns null for what is a number already, and ends with an error for a name that is no label
    std::unique_ptr<char[]> number(utils::expand_type(FLERR, model.types[i], Atom::ATOM, lmp));
    if (!number || atoi(number.get()) != i + 1)
      error->all(FLERR, "pair_style cgpipe: type {} of the model is {}, which is another atom type here; "
                 "number the types as the model does", i + 1, model.types[i]);
  }
}

void PairCgpipe::init_style()
{
  if (strcmp(update->unit_style, "real") != 0)
    error->all(FLERR, "pair_style cgpipe needs units real, these are units {}", update->unit_style);
  if (!atom->tag_enable) error->all(FLERR, "pair_style cgpipe needs atom IDs: remove atom_modify id no");
  if (!atom->molecule_flag)
    error->all(FLERR, "pair_style cgpipe needs molecule IDs, because bonds are between consecutive IDs of a molecule: "
               "use atom_style molecular");
  if (!force->newton_pair) error->all(FLERR, "pair_style cgpipe needs newton on: forces act on ghost atoms");
  for (int i = 0; i < static_cast<int>(programs->model().masses.size()); i++)
    if (atom->mass && std::fabs(atom->mass[i + 1] / programs->model().masses[i] - 1.0) > 0.01 && comm->me == 0)
      error->warning(FLERR, "atom type {} has mass {} but {} has {}: are the types those of the model?", i + 1,
                     atom->mass[i + 1], programs->model().types[i], programs->model().masses[i]);
  gathered = -1;
  parts.clear();
}

// The cutoff that LAMMPS hears of is the reach, so that ghost atoms come from as far.
double PairCgpipe::init_one(int, int) { return programs->model().reach; }

void PairCgpipe::compute(int eflag, int vflag)
{
  ev_init(eflag, vflag);
  if (vflag_atom || cvflag_atom)
    error->all(FLERR, "pair_style cgpipe has no virial per atom; the pressure of the whole system is available");
  if (neighbor->ago == 0) divide();
  check_bonds();
  for (auto &part : parts) evaluate(*part);
}

// ---------------------------------------------------------------------- who computes what

void PairCgpipe::divide()
{
  parts.clear();
  if (comm->get_comm_cutoff() < programs->model().reach)
    error->all(FLERR, "pair_style cgpipe: ghost atoms come from {} A, but the model reaches {} A; use comm_modify cutoff {}",
               comm->get_comm_cutoff(), programs->model().reach, std::ceil(programs->model().reach + neighbor->skin));
  const bool first = gathered == -1;
  if (gathered != atom->natoms) gather_ids();
  const auto all = beads();
  const auto &model = programs->model();
  try {
    // beads move by half the skin at most until they are divided again
    auto divided = cgpipe::partition(all, atom->nlocal, model.reach + neighbor->skin, model.capacities.back().beads,
                                     on_grid() ? cgpipe::WIDEST_PART : cgpipe::WIDEST_ALONE);
    for (auto &part : divided) {
      std::vector<int> species;
      for (const int i : part.atoms) species.push_back(atom->type[i] - 1);
      parts.push_back(std::make_unique<cgpipe::BoundPart>(*programs, std::move(part), species));
    }
  } catch (const std::exception &problem) {
    error->one(FLERR, "pair_style cgpipe: {}", problem.what());
  }
  if (first) tell_division();
  bonds.clear();
  if (std::isinf(model.longest_bond)) return;
  std::map<std::tuple<int, std::array<int, 3>, int>, int> found;
  for (const auto &bead : all) found[{bead.molecule, bead.copy, bead.id}] = bead.atom;
  for (int i = 0; i < atom->nlocal; i++) {
    const std::pair<tagint, tagint> next(atom->tag[i] + 1, atom->molecule[i]);
    if (!std::binary_search(everyone.begin(), everyone.end(), next)) continue;
    const auto partner = found.find({all[i].molecule, all[i].copy, atom->tag[i] + 1});
    if (partner == found.end())
      error->one(FLERR, "pair_style cgpipe: atoms {} and {} are bonded but more than {:.1f} A apart at step {}: the "
                 "molecule fell apart, or the image flags of its atoms do not belong together", atom->tag[i], next.first,
                 model.reach, update->ntimestep);
    bonds.emplace_back(i, partner->second);
  }
}

// How the work is divided at the beginning, for who wonders about its speed.
void PairCgpipe::tell_division()
{
  bigint mine[2] = {static_cast<bigint>(parts.size()), 0}, all[2];
  for (const auto &part : parts) mine[1] += static_cast<bigint>(part->part.atoms.size());
  MPI_Reduce(mine, all, 2, MPI_LMP_BIGINT, MPI_SUM, 0, world);
  if (comm->me != 0) return;
  utils::logmesg(lmp, "pair_style cgpipe: {} beads in {} programs per step, {} with what surrounds them in each\n",
                 atom->natoms, all[0], all[1]);
  if (all[1] > 2 * atom->natoms)
    utils::logmesg(lmp, "pair_style cgpipe: most of the work is for surroundings; larger programs (export.beads) are faster\n");
}

void PairCgpipe::gather_ids()
{
  const int own = 2 * atom->nlocal;
  std::vector<tagint> mine;
  for (int i = 0; i < atom->nlocal; i++) {
    if (atom->molecule[i] <= 0)
      error->one(FLERR, "pair_style cgpipe: atom {} has no molecule ID; number the chains from 1", atom->tag[i]);
    mine.insert(mine.end(), {atom->tag[i], atom->molecule[i]});
  }
  std::vector<int> counts(comm->nprocs), starts(comm->nprocs, 0);
  MPI_Allgather(&own, 1, MPI_INT, counts.data(), 1, MPI_INT, world);
  for (int i = 1; i < comm->nprocs; i++) starts[i] = starts[i - 1] + counts[i - 1];
  std::vector<tagint> flat(starts.back() + counts.back());
  MPI_Allgatherv(mine.data(), own, MPI_LMP_TAGINT, flat.data(), counts.data(), starts.data(), MPI_LMP_TAGINT, world);
  everyone.clear();
  for (std::size_t i = 0; i + 1 < flat.size(); i += 2) everyone.emplace_back(flat[i], flat[i + 1]);
  std::sort(everyone.begin(), everyone.end());
  gathered = atom->natoms;
}

// Own and ghost atoms. A ghost is at its owner's unwrapped position, shifted by whole boxes: that shift, which all atoms
// of one copy of a molecule share, is what tells copies apart.
std::vector<cgpipe::Bead> PairCgpipe::beads()
{
  const int all = atom->nlocal + atom->nghost;
  unwrapped.resize(all);
  for (int i = 0; i < atom->nlocal; i++) domain->unmap(atom->x[i], atom->image[i], unwrapped[i].data());
  comm->forward_comm(this);
  std::vector<cgpipe::Bead> found;
  found.reserve(all);
  for (int i = 0; i < all; i++) {
    const double *x = atom->x[i];
    double d[3] = {x[0] - unwrapped[i][0], x[1] - unwrapped[i][1], x[2] - unwrapped[i][2]};
    const int nz = domain->zperiodic ? static_cast<int>(std::lround(d[2] / domain->zprd)) : 0;
    d[1] -= nz * domain->yz;
    const int ny = domain->yperiodic ? static_cast<int>(std::lround(d[1] / domain->yprd)) : 0;
    d[0] -= ny * domain->xy + nz * domain->xz;
    const int nx = domain->xperiodic ? static_cast<int>(std::lround(d[0] / domain->xprd)) : 0;
    found.push_back({{x[0], x[1], x[2]}, atom->molecule[i], {nx, ny, nz}, atom->tag[i], i});
  }
  return found;
}

int PairCgpipe::pack_forward_comm(int n, int *list, double *buf, int, int *)
{
  int m = 0;
  for (int i = 0; i < n; i++)
    for (const double value : unwrapped[list[i]]) buf[m++] = value;
  return m;
}

void PairCgpipe::unpack_forward_comm(int n, int first, double *buf)
{
  int m = 0;
  for (int i = first; i < first + n; i++)
    for (double &value : unwrapped[i]) value = buf[m++];
}

// ---------------------------------------------------------------------- energy and forces

// A chain that is torn would have parts that do not see each other; no force field can mend it either.
void PairCgpipe::check_bonds()
{
  const double limit = programs->model().longest_bond;
  for (const auto &[i, j] : bonds) {
    double squared = 0.0;
    for (int k = 0; k < 3; k++) squared += std::pow(atom->x[i][k] - atom->x[j][k], 2);
    if (!(squared <= limit * limit))
      error->one(FLERR, "pair_style cgpipe: the bond of atoms {} and {} is {:.2f} A long at step {}, and {:.2f} A is "
                 "broken: the molecule fell apart, or the image flags of its atoms do not belong together", atom->tag[i],
                 atom->tag[j], std::sqrt(squared), update->ntimestep, limit);
  }
}

// A molecule that nothing divides does without the grid, and is as exact as in one process.
bool PairCgpipe::on_grid() const
{
  return comm->nprocs > 1 || domain->xperiodic || domain->yperiodic || domain->zperiodic;
}

void PairCgpipe::evaluate(cgpipe::BoundPart &part)
{
  const auto &atoms = part.part.atoms;
  std::vector<double> R;
  R.reserve(3 * atoms.size());
  for (const int i : atoms) R.insert(R.end(), atom->x[i], atom->x[i] + 3);
  cgpipe::Result result;
  try {
    result = part(R, on_grid());
  } catch (const std::exception &problem) {
    error->one(FLERR, "pair_style cgpipe: {}", problem.what());
  }
  if (result.needed > part.neighbours())
    error->one(FLERR, "pair_style cgpipe: {} neighbour slots per bead are needed at step {} but the program has {}; look "
               "for a collapsed structure, or export again with export.neighbours: {}", result.needed, update->ntimestep,
               part.neighbours(), result.needed);
  double energy = 0.0, checked = 0.0;
  for (const double e : result.energies) energy += e;
  for (std::size_t k = 0; k < result.forces.size(); k++) checked += result.forces[k] + R[k];
  if (!std::isfinite(energy + checked))
    error->one(FLERR, "pair_style cgpipe: a position, energy or force is not finite at step {}", update->ntimestep);
  for (std::size_t row = 0; row < atoms.size(); row++) {
    for (int k = 0; k < 3; k++) atom->f[atoms[row]][k] += result.forces[3 * row + k];
    if (eflag_atom && part.part.owned[row]) eatom[atoms[row]] += result.energies[row];
  }
  if (eflag_global) eng_vdwl += energy;
  if (vflag_global) {
    const auto &w = result.virial;
    for (int k = 0; k < 3; k++) virial[k] += w[k][k];
    virial[3] += 0.5 * (w[0][1] + w[1][0]);
    virial[4] += 0.5 * (w[0][2] + w[2][0]);
    virial[5] += 0.5 * (w[1][2] + w[2][1]);
  }
}
