// Part of cgpipe. SPDX-License-Identifier: MIT (may be combined with LAMMPS, whose licence is GPL-2.0).

#include "program.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace cgpipe {

Programs::Programs(const Runtime &runtime, ExportedModel model) : runtime(runtime), exported(std::move(model))
{
  const auto &platforms = exported.platforms;
  const auto found = std::find(platforms.begin(), platforms.end(), runtime.platform());
  if (found == platforms.end())
    throw std::runtime_error("the PJRT library runs on " + runtime.platform() +
                             ", but the model was not exported for it; export again with it in export.platforms");
  if (platforms.size() > 1) {
    const auto index = static_cast<std::int32_t>(found - platforms.begin());
    platform.push_back(runtime.upload(&index, pjrt::S32, {}));
  }
}

std::size_t Programs::fitting(std::size_t beads) const
{
  std::size_t capacity = 0;
  while (static_cast<std::size_t>(exported.capacities[capacity].beads) < beads) capacity++;
  return capacity;
}

const Executable &Programs::compiled(std::size_t capacity)
{
  auto &executable = executables[capacity];
  if (!executable) executable.reset(runtime.compile(exported.capacities[capacity].module));
  return *executable;
}

BoundPart::BoundPart(Programs &programs, Part given, const std::vector<int> &species) :
    part(std::move(given)), programs(programs), capacity(programs.fitting(part.atoms.size()))
{
  topology.push_back(padded(species));
  topology.push_back(padded(part.chain));
  topology.push_back(padded(part.id));
  topology.push_back(padded(std::vector<char>(part.atoms.size(), 1)));
  topology.push_back(padded(part.owned));
}

namespace {

// What a program returns: energies, forces, virial, neighbours needed, and the spread of forces, which nobody asks for.
constexpr std::size_t RESULTS = 5;

// Centres are multiples of this [A], as in Python: positions that are, too, stay exact in single precision.
constexpr double CENTRES = 1.0 / 16384.0;

// Positions relative to the middle of their box, subtracted in double precision: far from the origin they are as exact
// as near.
std::vector<double> centred(const std::vector<double> &positions, bool on_grid)
{
  const auto snapped = [on_grid](double x) { return on_grid ? std::nearbyint(x / GRID) * GRID : x; };
  std::vector<double> moved(positions.size());
  for (std::size_t k = 0; k < 3; k++) {
    double low = positions[k], high = positions[k];
    for (std::size_t i = k; i < positions.size(); i += 3) {
      low = std::min(low, positions[i]);
      high = std::max(high, positions[i]);
    }
    const double middle = std::nearbyint(0.5 * (low + high) / CENTRES) * CENTRES;
    for (std::size_t i = k; i < positions.size(); i += 3) moved[i] = snapped(positions[i]) - middle;
  }
  return moved;
}

}    // namespace

Result BoundPart::operator()(const std::vector<double> &positions, bool on_grid)
{
  const auto moved = centred(positions, on_grid && !programs.model().double_precision);
  return programs.model().double_precision ? run<double>(moved, pjrt::F64) : run<float>(moved, pjrt::F32);
}

template <typename Real> Result BoundPart::run(const std::vector<double> &positions, pjrt::ElementType type)
{
  const auto beads = programs.model().capacities[capacity].beads;
  const auto rows = part.atoms.size();
  std::vector<Real> R(3 * beads, 0);
  for (std::size_t i = 0; i < 3 * rows; i++) R[i] = static_cast<Real>(positions[i]);
  const Buffer uploaded = programs.runtime.upload(R.data(), type, {beads, 3});

  std::vector<pjrt::Buffer *> arguments;
  for (const auto &index : programs.platform) arguments.push_back(index.get());
  arguments.push_back(uploaded.get());
  for (const auto &array : topology) arguments.push_back(array.get());
  const auto results = programs.compiled(capacity)(arguments, RESULTS);

  std::vector<Real> energies(beads), forces(3 * beads), virial(9);
  std::int32_t needed = 0;
  programs.runtime.download({{&results[0], energies.data(), sizeof(Real) * energies.size()},
                             {&results[1], forces.data(), sizeof(Real) * forces.size()},
                             {&results[2], virial.data(), sizeof(Real) * virial.size()},
                             {&results[3], &needed, sizeof needed}});
  Result result;
  result.energies.assign(energies.begin(), energies.begin() + static_cast<std::ptrdiff_t>(rows));
  result.forces.assign(forces.begin(), forces.begin() + static_cast<std::ptrdiff_t>(3 * rows));
  for (int k = 0; k < 9; k++) result.virial[k / 3][k % 3] = virial[k];
  result.needed = needed;
  return result;
}

Buffer BoundPart::padded(const std::vector<int> &values) const
{
  std::vector<std::int32_t> array(values.begin(), values.end());
  array.resize(programs.model().capacities[capacity].beads, 0);
  return programs.runtime.upload(array.data(), pjrt::S32, {static_cast<std::int64_t>(array.size())});
}

Buffer BoundPart::padded(const std::vector<char> &values) const
{
  std::vector<char> array(values);
  array.resize(programs.model().capacities[capacity].beads, 0);
  return programs.runtime.upload(array.data(), pjrt::PRED, {static_cast<std::int64_t>(array.size())});
}

}    // namespace cgpipe
