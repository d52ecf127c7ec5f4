#define _GNU_SOURCE
#include "host.h"

#include <ctype.h>
#include <dlfcn.h>
#include <elf.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#pragma clang diagnostic ignored "-Wc23-extensions"
static const char host_kernels[] = {
#embed "HostKernels.hpp"
};

int host_computes(void) { return getenv("FAKE_CUDA_COMPUTES") != NULL; }

struct host_program {
  char folder[64];
  char source[256];
  unsigned char *binary;
  size_t bytes;
};

static void path_of(const struct host_program *program, const char *name, char path[512]) {
  snprintf(path, 512, "%s/%s", program->folder, name);
}

static FILE *open_file(const struct host_program *program, const char *name) {
  char path[512];
  path_of(program, name, path);
  return fopen(path, "w");
}

static void write_file(const struct host_program *program, const char *name, const char *text, size_t bytes) {
  FILE *file = open_file(program, name);
  if (file == NULL) return;
  fwrite(text, 1, bytes, file);
  fclose(file);
}

/// For each kernel of the source a function that takes its parameters as the driver does.
static void write_calls(FILE *file, const char *source) {
  const char *mark = "__global__ void";
  for (const char *at = strstr(source, mark); at != NULL; at = strstr(at, mark)) {
    at += strlen(mark);
    while (isspace((unsigned char)*at)) at++;
    if (strncmp(at, "__launch_bounds__", 17) == 0) {
      int depth = 0;
      for (at += 17; *at != 0; at++) {
        if (*at == '(') depth++;
        if (*at == ')' && --depth == 0) break;
      }
      at++;
    }
    while (isspace((unsigned char)*at)) at++;
    const int length = (int)strcspn(at, "( \n");
    fprintf(
      file,
      "extern \"C\" void host_call_%.*s(const void *a, unsigned x, unsigned y, unsigned z, unsigned t) {\n"
      "  host::run([](const void *a) { host::call(&%.*s, a); }, a, x, y, z, t);\n}\n",
      length, at, length, at);
  }
}

struct host_program *host_program_create(
  const char *source, const char *name, int header_count, const char *const *headers, const char *const *names) {
  struct host_program *program = calloc(1, sizeof *program);
  snprintf(program->folder, sizeof program->folder, "/tmp/fake-cuda-XXXXXX");
  if (mkdtemp(program->folder) == NULL) return program;
  snprintf(program->source, sizeof program->source, "%s.cpp", name);
  write_file(program, "HostKernels.hpp", host_kernels, sizeof host_kernels);
  for (int i = 0; i < header_count; i++) write_file(program, names[i], headers[i], strlen(headers[i]));
  FILE *file = open_file(program, program->source);
  if (file == NULL) return program;
  fprintf(file, "#include \"HostKernels.hpp\"\n#line 1 \"%s\"\n%s\n", name, source);
  write_calls(file, source);
  fclose(file);
  return program;
}

void host_program_destroy(struct host_program *program) {
  char command[128];
  snprintf(command, sizeof command, "rm -rf %s", program->folder);
  if (system(command) != 0) fprintf(stderr, "fake CUDA: %s stays\n", program->folder);
  free(program->binary);
  free(program);
}

static void read_binary(struct host_program *program, const char *path) {
  FILE *file = fopen(path, "r");
  if (file == NULL) return;
  fseek(file, 0, SEEK_END);
  program->bytes = (size_t)ftell(file);
  rewind(file);
  program->binary = malloc(program->bytes);
  if (fread(program->binary, 1, program->bytes, file) != program->bytes) program->bytes = 0;
  fclose(file);
}

int host_program_compile(struct host_program *program, int option_count, const char *const *options) {
  enum { most = 64 };
  char source[512], output[512];
  path_of(program, program->source, source);
  path_of(program, "kernels.so", output);
  char *arguments[most] = {"clang++", "-x", "c++", "-std=c++20", "-O1", "-fPIC", "-shared", "-nostdlib++", "-w"};
  int count = 9;
  for (int i = 0; i < option_count && count < most - 4; i++) {
    if (strncmp(options[i], "-D", 2) == 0) arguments[count++] = (char *)options[i];
  }
  arguments[count++] = source;
  arguments[count++] = "-o";
  arguments[count++] = output;
  pid_t child = 0;
  int status = 1;
  if (posix_spawnp(&child, arguments[0], NULL, NULL, arguments, environ) != 0) return 1;
  if (waitpid(child, &status, 0) != child || status != 0) return 1;
  read_binary(program, output);
  return program->bytes > 0 ? 0 : 1;
}

const void *host_program_binary(const struct host_program *program, size_t *bytes) {
  *bytes = program->bytes;
  return program->binary;
}

void *host_module_load(const void *binary) {
  // The section headers are a library's end.
  const Elf64_Ehdr *header = binary;
  if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return NULL;
  const size_t bytes = header->e_shoff + (size_t)header->e_shnum * header->e_shentsize;
  char path[] = "/tmp/fake-cuda-kernels-XXXXXX";
  const int file = mkstemp(path);
  if (file < 0) return NULL;
  void *module = write(file, binary, bytes) == (ssize_t)bytes ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
  if (module == NULL) fprintf(stderr, "fake CUDA: %s\n", dlerror());
  close(file);
  unlink(path);
  return module;
}

host_kernel host_module_kernel(void *module, const char *name) {
  char symbol[256];
  snprintf(symbol, sizeof symbol, "host_call_%s", name);
  void *address = dlsym(module, symbol);
  host_kernel kernel = NULL;
  memcpy(&kernel, &address, sizeof kernel);
  return kernel;
}
