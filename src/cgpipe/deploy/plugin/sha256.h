// Part of cgpipe. SPDX-License-Identifier: MIT (may be combined with LAMMPS, whose licence is GPL-2.0).

#ifndef CGPIPE_SHA256_H
#define CGPIPE_SHA256_H

#include <string>

namespace cgpipe {

// SHA-256 (FIPS 180-4) of a text, hexadecimal.
std::string sha256(const std::string &content);

}    // namespace cgpipe

#endif
