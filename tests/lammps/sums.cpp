// Part of cgpipe. SPDX-License-Identifier: MIT.
//
// sums LIBRARY TYPE-ROWS…: runs the module TYPE-ROWS.mlir on the rows of three numbers in TYPE-ROWS.in, with the code
// and the options of the pair style, and writes one number per row to TYPE-ROWS.out.

#include "runtime.h"

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>

using namespace cgpipe;

namespace {

std::string content(const std::string &name)
{
  std::ifstream file(name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void run(const Runtime &runtime, const std::string &name)
{
  const bool wide = name.rfind("float64", 0) == 0;
  const auto rows = std::atoll(name.substr(name.find('-') + 1).c_str());
  const std::string numbers = content(name + ".in");
  std::string sums(numbers.size() / 3, '\0');
  const auto *executable = runtime.compile(content(name + ".mlir"));
  const auto input = runtime.upload(numbers.data(), wide ? pjrt::F64 : pjrt::F32, {rows, 3});
  const auto results = (*executable)({input.get()}, 1);
  runtime.download({{&results[0], sums.data(), sums.size()}});
  std::ofstream(name + ".out", std::ios::binary) << sums;
}

}    // namespace

int main(int count, char **arguments)
{
  try {
    const Runtime runtime(arguments[1]);
    for (int k = 2; k < count; k++) run(runtime, arguments[k]);
  } catch (const std::exception &error) {
    std::cerr << error.what() << std::endl;
    return 1;
  }
  std::_Exit(0);    // a runtime leaves threads behind
}
