// Part of cgpipe. SPDX-License-Identifier: MIT (may be combined with LAMMPS, whose licence is GPL-2.0).

#include "sha256.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>

namespace cgpipe {

namespace {

using Words = std::array<std::uint32_t, 64>;

std::uint32_t rotated(std::uint32_t x, int bits) { return x >> bits | x << (32 - bits); }

// First 32 bits of the fractional part of a root of a prime, from long double, which holds them all.
std::uint32_t fraction(long double root)
{
  return static_cast<std::uint32_t>(std::floor((root - std::floor(root)) * 4294967296.0L));
}

// The constants of the standard: cube roots of the first 64 primes, and square roots of the first 8.
struct Constants {
  Words rounds{};
  std::array<std::uint32_t, 8> start{};
  Constants()
  {
    int found = 0;
    for (int number = 2; found < 64; number++) {
      bool prime = true;
      for (int d = 2; d * d <= number; d++) prime = prime && number % d != 0;
      if (!prime) continue;
      if (found < 8) start[found] = fraction(std::sqrt(static_cast<long double>(number)));
      rounds[found++] = fraction(std::cbrt(static_cast<long double>(number)));
    }
  }
};

void digest(std::array<std::uint32_t, 8> &state, const unsigned char *block, const Words &constants)
{
  Words w{};
  for (int i = 0; i < 16; i++)
    w[i] = static_cast<std::uint32_t>(block[4 * i]) << 24 | block[4 * i + 1] << 16 | block[4 * i + 2] << 8 |
        block[4 * i + 3];
  for (int i = 16; i < 64; i++) {
    const auto s0 = rotated(w[i - 15], 7) ^ rotated(w[i - 15], 18) ^ w[i - 15] >> 3;
    const auto s1 = rotated(w[i - 2], 17) ^ rotated(w[i - 2], 19) ^ w[i - 2] >> 10;
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  auto [a, b, c, d, e, f, g, h] = state;
  for (int i = 0; i < 64; i++) {
    const auto s1 = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25);
    const auto first = h + s1 + ((e & f) ^ (~e & g)) + constants[i] + w[i];
    const auto s0 = rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22);
    const auto second = s0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = d + first;
    d = c;
    c = b;
    b = a;
    a = first + second;
  }
  const std::array<std::uint32_t, 8> added = {a, b, c, d, e, f, g, h};
  for (int i = 0; i < 8; i++) state[i] += added[i];
}

}    // namespace

std::string sha256(const std::string &content)
{
  static const Constants constants;
  std::string padded = content;
  padded.push_back('\x80');
  while (padded.size() % 64 != 56) padded.push_back('\0');
  for (int shift = 56; shift >= 0; shift -= 8)
    padded.push_back(static_cast<char>(static_cast<std::uint64_t>(content.size()) * 8 >> shift & 0xff));
  auto state = constants.start;
  for (std::size_t at = 0; at < padded.size(); at += 64)
    digest(state, reinterpret_cast<const unsigned char *>(padded.data()) + at, constants.rounds);
  std::string text;
  for (const auto word : state) {
    char hexadecimal[9];
    std::snprintf(hexadecimal, sizeof hexadecimal, "%08x", word);
    text += hexadecimal;
  }
  return text;
}

}    // namespace cgpipe
