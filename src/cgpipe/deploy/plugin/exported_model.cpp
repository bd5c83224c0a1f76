// Part of cgpipe. SPDX-License-Identifier: MIT (may be combined with LAMMPS, whose licence is GPL-2.0).

#include "exported_model.h"

#include "sha256.h"

#include "json.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <limits>
#include <stdexcept>

namespace cgpipe {

namespace {

using LAMMPS_NS::json;

constexpr int FORMAT = 3;

std::string content_of(const std::string &path)
{
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path + ": no such file, or not readable");
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string folder_of(const std::string &path)
{
  const auto slash = path.find_last_of('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

std::string folder_named(const std::string &path)
{
  const auto folder = folder_of(path);
  return folder.empty() ? "." : folder;
}

std::string checked_module(const std::string &path, const std::string &expected, const std::string &model_json)
{
  std::string content = content_of(path);
  const std::string found = sha256(content);
  if (found != expected)
    throw std::runtime_error(path + ": SHA-256 " + found.substr(0, 12) + "... but " + model_json + " says " +
                             expected.substr(0, 12) + "...; damaged or from another export: run cgpipe renew " + folder_named(model_json));
  return content;
}

ExportedModel parsed(const json &body, const std::string &module, const std::string &model_json)
{
  const int format = body.value("format", 1);
  if (format != FORMAT)
    throw std::runtime_error(model_json + ": program of format " + std::to_string(format) +
                             ", but this pair style runs " + std::to_string(FORMAT) + "; run: cgpipe renew " + folder_named(model_json));
  ExportedModel model;
  model.reach = body.at("reach").get<double>();
  model.longest_bond = body.at("longest_bond").is_null() ? std::numeric_limits<double>::infinity()
                                                         : body.at("longest_bond").get<double>();
  model.double_precision = body.at("dtype").get<std::string>() == "float64";
  model.types = body.at("vocabulary").at("types").get<std::vector<std::string>>();
  model.masses = body.at("vocabulary").at("masses").get<std::vector<double>>();
  model.platforms = body.at("platforms").get<std::vector<std::string>>();
  const std::string folder = folder_of(module), name = module.substr(folder.size());
  auto programs = body.at("programs").get<std::vector<json>>();
  std::sort(programs.begin(), programs.end(),
            [](const json &a, const json &b) { return a.at("beads").get<int>() < b.at("beads").get<int>(); });
  for (const auto &program : programs) {
    const auto file = program.at("mlir").get<std::string>();
    const auto hash = body.at("sha256").at(file).get<std::string>();
    model.capacities.push_back({program.at("beads").get<int>(), program.at("neighbours").get<int>(),
                                checked_module(folder + file, hash, model_json)});
    if (file == name) return model;
  }
  throw std::runtime_error(module + " is none of the programs that " + model_json + " lists");
}

}    // namespace

ExportedModel read_model(const std::string &module, const std::string &model_json)
{
  const std::string text = content_of(model_json);
  content_of(module);    // a missing program is named as it was given
  try {
    const json body = json::parse(text);
    if (body.at("cgpipe").at("kind").get<std::string>() != "program") throw std::runtime_error(
        model_json + ": not the model.json of an export");
    return parsed(body, module, model_json);
  } catch (const json::exception &error) {
    throw std::runtime_error(model_json + ": not the model.json of an export (" + error.what() + ")");
  }
}

}    // namespace cgpipe
