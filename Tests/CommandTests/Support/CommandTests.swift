import Testing

/// The program as its users meet it: the binary itself, started with arguments.
@Suite(
  "Commands", .serialized,
  .enabled(if: Program.path != nil, "no catlm to test: set CATLM_BINARY, or build it beside the tests"))
struct CommandTests {}
