// Part of cgpipe. SPDX-License-Identifier: MIT (may be combined with LAMMPS, whose licence is GPL-2.0).

#include "partition.h"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>
#include <tuple>

namespace cgpipe {

namespace {

using Indices = std::vector<int>;


struct Box {
  std::array<double, 3> low, high;

  double squared_distance(const std::array<double, 3> &x) const
  {
    double sum = 0.0;
    for (int k = 0; k < 3; k++) {
      const double beyond = std::max({low[k] - x[k], x[k] - high[k], 0.0});
      sum += beyond * beyond;
    }
    return sum;
  }

  double width() const
  {
    double widest = 0.0;
    for (int k = 0; k < 3; k++) widest = std::max(widest, high[k] - low[k]);
    return widest;
  }
};

Box box_of(const std::vector<Bead> &beads, const Indices &chosen)
{
  Box box{beads[chosen[0]].x, beads[chosen[0]].x};
  for (const int i : chosen)
    for (int k = 0; k < 3; k++) {
      box.low[k] = std::min(box.low[k], beads[i].x[k]);
      box.high[k] = std::max(box.high[k], beads[i].x[k]);
    }
  return box;
}

// Rows in chain order. `rows` is ascending in the order of the beads, so it can be searched for the owned ones.
Part part_of(const std::vector<Bead> &beads, Indices rows, Indices own)
{
  std::sort(own.begin(), own.end());
  const auto chain_of = [&](int i) { return std::tie(beads[i].molecule, beads[i].copy); };
  std::sort(rows.begin(), rows.end(), [&](int i, int j) {
    return std::tie(beads[i].molecule, beads[i].copy, beads[i].id) <
        std::tie(beads[j].molecule, beads[j].copy, beads[j].id);
  });
  Part part;
  for (std::size_t row = 0; row < rows.size(); row++) {
    const int i = rows[row];
    const bool same = row > 0 && chain_of(rows[row - 1]) == chain_of(i);
    part.chain.push_back(row == 0 ? 0 : part.chain.back() + (same ? 0 : 1));
    part.atoms.push_back(beads[i].atom);
    part.id.push_back(beads[i].id);
    part.owned.push_back(std::binary_search(own.begin(), own.end(), i));
  }
  return part;
}

class Division {
 public:
  Division(const std::vector<Bead> &beads, double reach, int capacity, double widest) :
      beads(beads), reach(reach), capacity(capacity), widest(widest)
  {
  }

  // Cut the owned beads in two until each part fits, and is compact, with what surrounds it.
  void divide(Indices own, const Indices &candidates)
  {
    const Box box = box_of(beads, own);
    Indices rows;
    std::copy_if(candidates.begin(), candidates.end(), std::back_inserter(rows),
                 [&](int i) { return box.squared_distance(beads[i].x) <= reach * reach; });
    const bool fits = static_cast<int>(rows.size()) <= capacity;
    if (fits && (own.size() == 1 || box_of(beads, rows).width() <= widest)) {
      parts.push_back(part_of(beads, std::move(rows), std::move(own)));
      return;
    }
    if (own.size() == 1)
      throw std::runtime_error(std::to_string(rows.size()) + " beads lie within the model's reach of atom ID " +
                               std::to_string(beads[own[0]].id) + ", but the largest program holds " +
                               std::to_string(capacity) + "; export again with export.beads: " +
                               std::to_string(rows.size()) + " or more");
    Cut best{0, 0, std::numeric_limits<std::size_t>::max()};
    for (int side = 0; side < 3; side++) {
      order(own, side);
      const Cut found = cheapest_cut(own, side);
      if (found.price < best.price) best = found;
    }
    order(own, best.side);
    const auto middle = own.begin() + static_cast<std::ptrdiff_t>(best.left);
    divide({own.begin(), middle}, rows);
    divide({middle, own.end()}, rows);
  }

  std::vector<Part> parts;

 private:
  struct Cut {
    int side;
    std::size_t left;     // beads on its lower side
    std::size_t price;
  };

  void order(Indices &own, int side) const
  {
    std::sort(own.begin(), own.end(), [&](int i, int j) {
      return std::tie(beads[i].x[side], beads[i].id, i) < std::tie(beads[j].x[side], beads[j].id, j);
    });
  }

  // A cut costs the beads that it makes surroundings of the other part, and half as much for every bead that it is off
  // the middle: it goes between molecules where there is room, and halves a crowd. `own` is ordered along `side`.
  Cut cheapest_cut(const Indices &own, int side) const
  {
    const auto x = [&](std::size_t place) { return beads[own[place]].x[side]; };
    const std::size_t count = own.size(), half = count / 2;
    Cut best{side, half, std::numeric_limits<std::size_t>::max()};
    std::size_t below = 0, above = 0;    // first bead within reach of the upper part, first one beyond that of the lower
    for (std::size_t left = std::max<std::size_t>(1, count / 4); left <= std::min(count - 1, 3 * count / 4); left++) {
      while (x(below) < x(left) - reach) below++;
      above = std::max(above, left);
      while (above < count && x(above) <= x(left - 1) + reach) above++;
      const std::size_t made = above - below;
      const std::size_t price = 2 * made + (left > half ? left - half : half - left);
      if (price < best.price) best = {side, left, price};
    }
    return best;
  }

  const std::vector<Bead> &beads;
  const double reach;
  const int capacity;
  const double widest;
};

}    // namespace

std::vector<Part> partition(const std::vector<Bead> &beads, int own, double reach, int capacity, double widest)
{
  if (own == 0) return {};
  Indices all(beads.size());
  for (std::size_t i = 0; i < all.size(); i++) all[i] = static_cast<int>(i);
  Division division(beads, reach, capacity, widest);
  division.divide({all.begin(), all.begin() + own}, all);
  return std::move(division.parts);
}

}    // namespace cgpipe
