// Part of cgpipe. SPDX-License-Identifier: MIT (may be combined with LAMMPS, whose licence is GPL-2.0).

#include "runtime.h"

#include <dlfcn.h>

#include <cstring>
#include <stdexcept>
#include <utility>

namespace cgpipe {

namespace {

// CompileOptionsProto with nothing but executable_build_options {num_replicas: 1, num_partitions: 1}
constexpr char COMPILE_OPTIONS[] = {0x1a, 0x04, 0x20, 0x01, 0x28, 0x01};
constexpr char MLIR[] = "mlir";

template <typename Arguments> Arguments sized()
{
  Arguments arguments{};
  arguments.struct_size = sizeof(Arguments);
  return arguments;
}

const pjrt::Api *table_of(const std::string &library)
{
  // never closed again: a runtime leaves threads behind that run its code
  void *handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) throw std::runtime_error("cannot load the PJRT library: " + std::string(dlerror()));
  auto get = reinterpret_cast<const pjrt::Api *(*) ()>(dlsym(handle, "GetPjrtApi"));
  if (!get) throw std::runtime_error(library + ": no PJRT library (it has no function GetPjrtApi)");
  const pjrt::Api *api = get();
  const std::size_t needed = sizeof(pjrt::Api) + sizeof(void *) * (pjrt::BUFFER_TO_HOST_BUFFER + 1);
  if (!api || api->major_version != pjrt::MAJOR || api->struct_size < needed)
    throw std::runtime_error(library + ": its PJRT C API is of another major version than 0, or too old");
  return api;
}

}    // namespace

// ---------------------------------------------------------------------- arrays

Buffer::Buffer(Buffer &&other) noexcept : runtime(other.runtime), handle(std::exchange(other.handle, nullptr)) {}

Buffer &Buffer::operator=(Buffer &&other) noexcept
{
  std::swap(runtime, other.runtime);
  std::swap(handle, other.handle);
  return *this;
}

Buffer::~Buffer()
{
  if (!handle) return;
  auto arguments = sized<pjrt::BufferArguments>();
  arguments.buffer = handle;
  // a destructor has nobody to tell of an error
  reinterpret_cast<pjrt::Error *(*) (pjrt::BufferArguments *)>(runtime->entry(pjrt::BUFFER_DESTROY))(&arguments);
}

// ---------------------------------------------------------------------- programs

Executable::~Executable()
{
  auto arguments = sized<pjrt::ExecutableArguments>();
  arguments.executable = handle;
  reinterpret_cast<pjrt::Error *(*) (pjrt::ExecutableArguments *)>(runtime->entry(pjrt::EXECUTABLE_DESTROY))(
      &arguments);
}

std::vector<Buffer> Executable::operator()(const std::vector<pjrt::Buffer *> &inputs, std::size_t results) const
{
  std::vector<pjrt::Buffer *> outputs(results, nullptr);
  pjrt::Buffer *const *input_list = inputs.data();
  pjrt::Buffer **output_list = outputs.data();
  auto options = sized<pjrt::ExecuteOptions>();
  auto arguments = sized<pjrt::ExecuteArguments>();
  arguments.executable = handle;
  arguments.options = &options;
  arguments.arguments = &input_list;
  arguments.device_count = 1;
  arguments.argument_count = inputs.size();
  arguments.results = &output_list;
  pjrt::Event *complete = nullptr;
  arguments.complete = &complete;
  runtime->call(pjrt::EXECUTABLE_EXECUTE, arguments, "running the program");
  std::vector<Buffer> buffers;
  for (auto *output : outputs) buffers.emplace_back(runtime, output);
  // results that are not there yet would be copied by other threads, each of which has to be woken
  runtime->await(complete, "running the program");
  return buffers;
}

// ---------------------------------------------------------------------- the runtime

Runtime::Runtime(const std::string &library) : api(table_of(library))
{
  auto initialize = sized<pjrt::InitializeArguments>();
  call(pjrt::PLUGIN_INITIALIZE, initialize, "starting the PJRT library");
  client = create();
  auto devices = sized<pjrt::AddressableDevicesArguments>();
  devices.client = client;
  call(pjrt::CLIENT_ADDRESSABLE_DEVICES, devices, "looking for devices");
  if (devices.device_count == 0) throw std::runtime_error(library + ": the PJRT library finds no device");
  device = devices.devices[0];
}

pjrt::Client *Runtime::create() const
{
  // A CPU client makes several devices unless told otherwise, and more threads than the machine may have cores. What
  // is no CPU client does not know this option.
  auto one_device = sized<pjrt::Option>();
  one_device.name = "cpu_device_count";
  one_device.name_size = std::strlen(one_device.name);
  one_device.type = pjrt::INT64;
  one_device.value = 1;
  one_device.value_size = 1;
  auto arguments = sized<pjrt::ClientCreateArguments>();
  arguments.options = &one_device;
  arguments.option_count = 1;
  try {
    call(pjrt::CLIENT_CREATE, arguments, "starting the PJRT library");
  } catch (const std::runtime_error &) {
    arguments = sized<pjrt::ClientCreateArguments>();
    call(pjrt::CLIENT_CREATE, arguments, "starting the PJRT library");
  }
  return arguments.client;
}

Runtime::~Runtime()
{
  if (!client) return;
  auto arguments = sized<pjrt::ClientArguments>();
  arguments.client = client;
  reinterpret_cast<pjrt::Error *(*) (pjrt::ClientArguments *)>(entry(pjrt::CLIENT_DESTROY))(&arguments);
}

std::string Runtime::platform() const
{
  auto arguments = sized<pjrt::PlatformNameArguments>();
  arguments.client = client;
  call(pjrt::CLIENT_PLATFORM_NAME, arguments, "asking for the platform");
  const std::string name(arguments.name, arguments.name_size);
  return name == "gpu" ? "cuda" : name;
}

Executable *Runtime::compile(const std::string &module) const
{
  auto program = sized<pjrt::Program>();
  program.code = module.data();
  program.code_size = module.size();
  program.format = MLIR;
  program.format_size = sizeof(MLIR) - 1;
  auto arguments = sized<pjrt::CompileArguments>();
  arguments.client = client;
  arguments.program = &program;
  arguments.options = COMPILE_OPTIONS;
  arguments.options_size = sizeof(COMPILE_OPTIONS);
  call(pjrt::CLIENT_COMPILE, arguments, "compiling the program (if its versions are too far apart, run cgpipe renew on the export)");
  return new Executable(this, arguments.executable);
}

Buffer Runtime::upload(const void *data, pjrt::ElementType type, const std::vector<std::int64_t> &shape) const
{
  auto arguments = sized<pjrt::BufferFromHostArguments>();
  arguments.client = client;
  arguments.data = data;
  arguments.type = type;
  arguments.dimensions = shape.data();
  arguments.dimension_count = shape.size();
  arguments.semantics = pjrt::IMMUTABLE_ONLY_DURING_CALL;
  arguments.device = device;
  call(pjrt::CLIENT_BUFFER_FROM_HOST_BUFFER, arguments, "copying to the device");
  Buffer buffer(this, arguments.buffer);
  await(arguments.done_with_host_buffer, "copying to the device");
  return buffer;
}

void Runtime::download(const std::vector<Destination> &destinations) const
{
  std::vector<pjrt::Event *> events;
  for (const auto &destination : destinations) {
    auto arguments = sized<pjrt::ToHostArguments>();
    arguments.buffer = destination.buffer->get();
    arguments.destination = destination.data;
    arguments.destination_size = destination.bytes;
    call(pjrt::BUFFER_TO_HOST_BUFFER, arguments, "copying from the device");
    events.push_back(arguments.event);
  }
  for (auto *event : events) await(event, "running the program");
}

void *Runtime::entry(pjrt::Function function) const
{
  return reinterpret_cast<void *const *>(reinterpret_cast<const char *>(api) + sizeof(pjrt::Api))[function];
}

template <typename Arguments>
void Runtime::call(pjrt::Function function, Arguments &arguments, const char *doing) const
{
  const auto *error = reinterpret_cast<const pjrt::Error *(*) (Arguments *)>(entry(function))(&arguments);
  if (error) fail(error, doing);
}

void Runtime::await(pjrt::Event *event, const char *doing) const
{
  if (!event) return;
  auto arguments = sized<pjrt::EventArguments>();
  arguments.event = event;
  const auto *error =
      reinterpret_cast<const pjrt::Error *(*) (pjrt::EventArguments *)>(entry(pjrt::EVENT_AWAIT))(&arguments);
  reinterpret_cast<pjrt::Error *(*) (pjrt::EventArguments *)>(entry(pjrt::EVENT_DESTROY))(&arguments);
  if (error) fail(error, doing);
}

void Runtime::fail(const pjrt::Error *error, const char *doing) const
{
  auto arguments = sized<pjrt::ErrorMessageArguments>();
  arguments.error = error;
  reinterpret_cast<void (*)(pjrt::ErrorMessageArguments *)>(entry(pjrt::ERROR_MESSAGE))(&arguments);
  const std::string message = std::string(doing) + ": " + std::string(arguments.message, arguments.message_size);
  auto destroy = sized<pjrt::ErrorArguments>();
  destroy.error = error;
  reinterpret_cast<void (*)(pjrt::ErrorArguments *)>(entry(pjrt::ERROR_DESTROY))(&destroy);
  throw std::runtime_error(message);
}

}    // namespace cgpipe
