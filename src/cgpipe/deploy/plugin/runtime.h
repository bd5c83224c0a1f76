// Part of cgpipe. SPDX-License-Identifier: MIT (may be combined with LAMMPS, whose licence is GPL-2.0).
//
// A PJRT runtime, loaded from a shared library, and what it makes: compiled programs and arrays on its device. All
// functions throw std::runtime_error with one line that says what went wrong.

#ifndef CGPIPE_RUNTIME_H
#define CGPIPE_RUNTIME_H

#include "pjrt_api.h"

#include <string>
#include <vector>

namespace cgpipe {

class Runtime;

// An array on the device.
class Buffer {
 public:
  Buffer() = default;
  Buffer(const Runtime *runtime, pjrt::Buffer *handle) : runtime(runtime), handle(handle) {}
  Buffer(Buffer &&other) noexcept;
  Buffer &operator=(Buffer &&other) noexcept;
  ~Buffer();
  pjrt::Buffer *get() const { return handle; }

 private:
  const Runtime *runtime = nullptr;
  pjrt::Buffer *handle = nullptr;
};

// A compiled program; arrays in, arrays out.
class Executable {
 public:
  Executable(const Runtime *runtime, pjrt::Executable *handle) : runtime(runtime), handle(handle) {}
  Executable(const Executable &) = delete;
  Executable &operator=(const Executable &) = delete;
  ~Executable();
  std::vector<Buffer> operator()(const std::vector<pjrt::Buffer *> &arguments, std::size_t results) const;

 private:
  const Runtime *runtime;
  pjrt::Executable *handle;
};

// One place in memory that a result is copied to.
struct Destination {
  const Buffer *buffer;
  void *data;
  std::size_t bytes;
};

class Runtime {
 public:
  explicit Runtime(const std::string &library);
  Runtime(const Runtime &) = delete;
  Runtime &operator=(const Runtime &) = delete;
  ~Runtime();

  // "cpu" or "cuda".
  std::string platform() const;
  int minor_version() const { return api->minor_version; }

  // Compile a StableHLO module; the pointer is the caller's.
  Executable *compile(const std::string &module) const;
  // Copy an array to the device; the data may change afterwards.
  Buffer upload(const void *data, pjrt::ElementType type, const std::vector<std::int64_t> &shape) const;
  // Copy arrays from the device, all at once.
  void download(const std::vector<Destination> &destinations) const;

 private:
  friend class Buffer;
  friend class Executable;
  pjrt::Client *create() const;
  template <typename Arguments> void call(pjrt::Function function, Arguments &arguments, const char *doing) const;
  void await(pjrt::Event *event, const char *doing) const;
  [[noreturn]] void fail(const pjrt::Error *error, const char *doing) const;
  void *entry(pjrt::Function function) const;

  const pjrt::Api *api = nullptr;
  pjrt::Client *client = nullptr;
  pjrt::Device *device = nullptr;
};

}    // namespace cgpipe

#endif
