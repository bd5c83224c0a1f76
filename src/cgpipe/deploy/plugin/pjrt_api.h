// Part of cgpipe. SPDX-License-Identifier: MIT (may be combined with LAMMPS, whose licence is GPL-2.0).
//
// The few functions of the PJRT C API that a single-device caller needs, by their place in the table of functions.
// Structures only ever grow at their end and say how long the caller believes them to be (struct_size), so this
// header works with every runtime of major version 0 that has these functions.

#ifndef CGPIPE_PJRT_API_H
#define CGPIPE_PJRT_API_H

#include <cstddef>
#include <cstdint>

namespace cgpipe::pjrt {

struct Error;
struct Event;
struct Client;
struct Device;
struct Executable;
struct Buffer;

constexpr int MAJOR = 0;

enum Function : std::size_t {
  ERROR_DESTROY = 0,
  ERROR_MESSAGE = 1,
  PLUGIN_INITIALIZE = 3,
  EVENT_DESTROY = 5,
  EVENT_AWAIT = 8,
  CLIENT_CREATE = 10,
  CLIENT_DESTROY = 11,
  CLIENT_PLATFORM_NAME = 12,
  CLIENT_ADDRESSABLE_DEVICES = 16,
  CLIENT_COMPILE = 20,
  CLIENT_BUFFER_FROM_HOST_BUFFER = 22,
  EXECUTABLE_DESTROY = 50,
  EXECUTABLE_EXECUTE = 55,
  BUFFER_DESTROY = 58,
  BUFFER_TO_HOST_BUFFER = 70,
};

enum ElementType : int { PRED = 1, S32 = 4, F32 = 11, F64 = 12 };

enum HostBufferSemantics : int { IMMUTABLE_ONLY_DURING_CALL = 0 };

// What every table begins with; the functions follow as pointers of 8 bytes.
struct Api {
  std::size_t struct_size;
  void *extension;
  std::size_t version_struct_size;
  void *version_extension;
  int major_version;
  int minor_version;
};

struct ErrorArguments {
  std::size_t struct_size;
  void *extension;
  const Error *error;
};

struct ErrorMessageArguments {
  std::size_t struct_size;
  void *extension;
  const Error *error;
  const char *message;
  std::size_t message_size;
};

struct InitializeArguments {
  std::size_t struct_size;
  void *extension;
};

struct EventArguments {
  std::size_t struct_size;
  void *extension;
  Event *event;
};

enum OptionType : int { INT64 = 1 };

struct Option {
  std::size_t struct_size;
  void *extension;
  const char *name;
  std::size_t name_size;
  OptionType type;
  std::int64_t value;
  std::size_t value_size;
};

struct ClientCreateArguments {
  std::size_t struct_size;
  void *extension;
  const Option *options;
  std::size_t option_count;
  void *key_value_get, *key_value_get_argument;
  void *key_value_put, *key_value_put_argument;
  Client *client;
  void *key_value_try_get, *key_value_try_get_argument;
};

struct ClientArguments {
  std::size_t struct_size;
  void *extension;
  Client *client;
};

struct PlatformNameArguments {
  std::size_t struct_size;
  void *extension;
  Client *client;
  const char *name;
  std::size_t name_size;
};

struct AddressableDevicesArguments {
  std::size_t struct_size;
  void *extension;
  Client *client;
  Device *const *devices;
  std::size_t device_count;
};

struct Program {
  std::size_t struct_size;
  void *extension;
  const char *code;
  std::size_t code_size;
  const char *format;
  std::size_t format_size;
};

struct CompileArguments {
  std::size_t struct_size;
  void *extension;
  Client *client;
  const Program *program;
  const char *options;
  std::size_t options_size;
  Executable *executable;
};

struct BufferFromHostArguments {
  std::size_t struct_size;
  void *extension;
  Client *client;
  const void *data;
  ElementType type;
  const std::int64_t *dimensions;
  std::size_t dimension_count;
  const std::int64_t *byte_strides;
  std::size_t byte_stride_count;
  HostBufferSemantics semantics;
  Device *device;
  void *memory;
  void *layout;
  Event *done_with_host_buffer;
  Buffer *buffer;
};

struct ExecutableArguments {
  std::size_t struct_size;
  void *extension;
  Executable *executable;
};

struct ExecuteOptions {
  std::size_t struct_size;
  void *extension;
  void *send_callbacks, *receive_callbacks;
  std::size_t send_count, receive_count;
  int launch_id;
  const std::int64_t *not_donatable;
  std::size_t not_donatable_count;
  void *context;
  const char *call_location;
  std::size_t task_count;
  int *tasks;
  std::int64_t *incarnations;
};

struct ExecuteArguments {
  std::size_t struct_size;
  void *extension;
  Executable *executable;
  ExecuteOptions *options;
  Buffer *const *const *arguments;
  std::size_t device_count;
  std::size_t argument_count;
  Buffer **const *results;
  Event **complete;
  Device *device;
};

struct BufferArguments {
  std::size_t struct_size;
  void *extension;
  Buffer *buffer;
};

struct ToHostArguments {
  std::size_t struct_size;
  void *extension;
  Buffer *buffer;
  void *layout;
  void *destination;
  std::size_t destination_size;
  Event *event;
};

}    // namespace cgpipe::pjrt

#endif
