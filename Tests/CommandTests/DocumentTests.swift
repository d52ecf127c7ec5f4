import Foundation
import Testing

extension CommandTests {
  /// Every command of the pages that a newcomer follows, run in its order, where a newcomer stands.
  @Suite struct DocumentTests {
    @Test(arguments: ["README.md", "docs/tutorial.md"])
    func `every command of a page works, in its order`(_ name: String) throws {
      let page = try Page(name)
      #expect(page.shellBlocks.count >= 3)
      let clone = try Clone()
      let outcome = try clone.run(page.shellBlocks)
      let place = outcome.errorLines.last { $0.hasPrefix("@@ ") } ?? ""
      #expect(outcome.code == 0, "\(name), after \(place): \(outcome.errors.suffix(3000))")
    }

    @Test(arguments: ["README.md", "docs/tutorial.md"])
    func `what a page says in Python works where its packages are`(_ name: String) throws {
      let page = try Page(name)
      let check = ["python3", "-c", "import torch, transformers, fla"]
      let found = try Command(executable: "/usr/bin/env", arguments: check, directory: "/").run()
      guard found.code == 0, !page.pythonBlocks.isEmpty else { return }
      let clone = try Clone()
      try clone.run(page.shellBlocks).succeeded()
      for block in page.pythonBlocks { try clone.runPython(block).succeeded() }
    }

    static let pages =
      ["README.md"]
      + ((try? FileManager.default.contentsOfDirectory(atPath: Program.root + "/docs")) ?? []).sorted()
      .filter { $0.hasSuffix(".md") }.map { "docs/" + $0 }

    @Test(arguments: pages)
    func `every command of any page exists, with its options, and so does every file that it names`(
      _ name: String
    ) throws {
      for words in try Page(name).commands {
        if let file = words.first(where: { $0.hasPrefix("configs/") || $0.hasPrefix("launch/") }) {
          #expect(FileManager.default.fileExists(atPath: Program.root + "/" + file), "\(name): \(file)")
        }
        guard let start = words.firstIndex(where: { $0 == "catlm" || $0.hasSuffix("/catlm") }), start + 1 < words.count
        else { continue }
        let arguments = Array(words[(start + 1)...])
        let command = arguments.indices.map { Array(arguments[...$0]) }.last { Help.commands.contains($0) }
        let help = try Help.text(of: #require(command, "\(name): no such command: \(words)"))
        for word in arguments where word.hasPrefix("--") && word != "--help" {
          let option = String(word.prefix { $0 != "=" })
          let isKnown = help.split(whereSeparator: { " ,\n[]".contains($0) }).contains { $0 == option }
          #expect(isKnown, "\(name): \(option) of \(words)")
        }
      }
    }

    @Test(arguments: pages) func `every file that a page links to is there`(_ name: String) throws {
      let folder = URL(filePath: Program.root + "/" + name).deletingLastPathComponent()
      for link in try Page(name).links where !link.contains("://") {
        let path = folder.appending(path: String(link.prefix { $0 != "#" })).path
        #expect(FileManager.default.fileExists(atPath: path), "\(name): \(link)")
      }
    }

    @Test func `every source that the architecture names is there`() throws {
      let text = try Page("docs/architecture.md").lines.joined(separator: "\n")
      let names = text.matches(of: /`((?:\w+\/)+[\w+]+\.swift)`/).map { String($0.output.1) }
      #expect(names.count > 20)
      for name in names {
        #expect(FileManager.default.fileExists(atPath: Program.root + "/Sources/" + name), "\(name)")
      }
    }

    @Test func `the README is at most 200 lines`() throws {
      #expect(try Page("README.md").lines.count <= 200)
    }
  }
}

/// A page of the documentation: what stands between fences, and where it points.
private struct Page {
  let lines: [String]
  /// Blocks to be typed into a shell.
  private(set) var shellBlocks: [String] = []
  private(set) var pythonBlocks: [String] = []

  init(_ name: String) throws {
    let text = try String(contentsOfFile: Program.root + "/" + name, encoding: .utf8)
    lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    var block: (language: Substring, lines: [String])?
    for line in lines {
      guard line.hasPrefix("```") else {
        block?.lines.append(line)
        continue
      }
      switch block?.language {
      case "sh": shellBlocks.append(block?.lines.joined(separator: "\n") ?? "")
      case "python": pythonBlocks.append(block?.lines.joined(separator: "\n") ?? "")
      default: break
      }
      block = block == nil ? (line.dropFirst(3), []) : nil
    }
  }

  /// The words of the commands in its shell blocks: comments left out, continued lines joined, pipes taken apart.
  var commands: [[String]] {
    shellBlocks.flatMap { block -> [[String]] in
      let lines = block.replacing("\\\n", with: " ").split(separator: "\n")
      let parts = lines.flatMap { line in
        (line.split(separator: "#", omittingEmptySubsequences: false).first ?? "").split { "|;&>".contains($0) }
      }
      return parts.map { $0.split(separator: " ").map(String.init) }.filter { !$0.isEmpty }
    }
  }

  /// The targets of its links.
  var links: [String] {
    lines.joined(separator: "\n").matches(of: /\]\(([^)\s]+)\)/).map { String($0.output.1) }
  }
}

/// A clone of the repository as a newcomer has it, after the build: with this program, whose runs are cut short, and with
/// programs in the place of those that reach other machines or take long.
private final class Clone {
  private let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "clone-\(UUID().uuidString)").path
    for folder in ["bin", "catlm/launch", "catlm/.build/release"] {
      try FileManager.default.createDirectory(atPath: path + "/" + folder, withIntermediateDirectories: true)
    }
    let files = FileManager.default
    for name in ["configs", "docs"] {
      try files.copyItem(atPath: Program.root + "/" + name, toPath: path + "/catlm/" + name)
    }
    for name in ["Tests", "README.md"] {
      try files.createSymbolicLink(atPath: path + "/catlm/" + name, withDestinationPath: Program.root + "/" + name)
    }
    try addScripts()
    try addPrograms()
    for name in ["text.txt", "catlm/input.txt"] {
      try Data(Self.text.utf8).write(to: URL(filePath: path + "/" + name))
    }
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  /// Runs shell blocks as one session, from the clone's root.
  func run(_ blocks: [String]) throws -> Outcome {
    let parts = blocks.enumerated().map { "echo '@@ block \($0.offset + 1)' >&2\n\($0.element)" }
    let script = "set -euxo pipefail\n" + parts.joined(separator: "\n") + "\n"
    try Data(script.utf8).write(to: URL(filePath: path + "/session"))
    return try start(["bash", path + "/session"]).wait(atMost: .seconds(900))
  }

  /// Runs a block of Python, with PyTorch in the place of kernels that need a GPU.
  func runPython(_ block: String) throws -> Outcome {
    try start(["PYTHONPATH=" + Program.root + "/Tests/Python", "python3", "-c", "import fla_on_cpu\n" + block])
      .wait(atMost: .seconds(300))
  }

  private func start(_ words: [String]) throws -> RunningCommand {
    let settings = ["PATH=" + path + "/bin:" + Self.searchPath, "CATLM_BINARY=" + path + "/catlm/.build/release/catlm"]
    return try Command(executable: "/usr/bin/env", arguments: settings + words, directory: path + "/catlm").start()
  }

  /// The launch scripts themselves, but for those that test, build and install, which only have to be there.
  private func addScripts() throws {
    let long = ["smoke", "test", "faults", "sanitize", "fuzz", "two-hosts", "variants"]
    for name in try FileManager.default.contentsOfDirectory(atPath: Program.root + "/launch") {
      let (script, copy) = (Program.root + "/launch/" + name, "catlm/launch/" + name)
      if long.contains(name) {
        // What the smoke run leaves behind, others use.
        let rest = name == "smoke" ? "exec .build/release/catlm tokenize --output data/smoke input.txt" : "exit 0"
        try write(copy, "\(script) --help >/dev/null\n\(rest)")
      } else {
        try FileManager.default.createSymbolicLink(atPath: path + "/" + copy, withDestinationPath: script)
      }
    }
  }

  private func addPrograms() throws {
    let program = try #require(Program.path)
    // A few short steps, unless the page says how many; everything else as it is typed.
    try write(
      "catlm/.build/release/catlm",
      """
      words=("$@")
      if [[ ${1:-} == train ]]; then
        cuts=(train.validation_interval=3 train.sample_interval=3 train.sample_tokens=3 data.validation_samples=2)
        cuts+=(schedule.warmup_steps=2 train.batch_size=4)
        if [[ "$*" != *train.steps=* ]]; then cuts+=(train.steps=6); fi
        # A model that wants a cluster, as small as it goes.
        if [[ "$*" == *cat-small* ]]; then
          cuts+=(model.hidden_size=32 model.num_hidden_layers=1 model.num_heads=2 model.compressor_hidden_size=32)
          cuts+=(model.compressor_num_layers=1 model.compressor_num_heads=2 data.context=128 train.accumulation=1)
        fi
        for cut in "${cuts[@]}"; do
          if [[ "$*" != *"${cut%%=*}="* ]]; then words+=(--set "$cut"); fi
        done
      fi
      exec \(program) "${words[@]}"
      """)
    for name in ["git", "swift", "rsync", "squeue", "scancel", "scontrol", "pip"] { try write("bin/" + name, "exit 0") }
    try write("bin/sudo", "exec \"$@\"")
    try write("bin/curl", "while [[ $1 != -o ]]; do shift; done\ncp \(path)/text.txt \"$2\"")
    // The far end of a host: this machine.
    try write("bin/ssh", "exec bash -c \"${!#}\"")
    // Ranks of all hosts on this machine.
    let real = "exec env PATH='\(Self.searchPath)' mpirun --oversubscribe"
    try write(
      "bin/mpirun",
      """
      if [[ " $* " != *" --hostfile "* ]]; then \(real) "$@"; fi
      while [[ $1 != */catlm ]]; do shift; done
      \(real) --bind-to none -np 2 "$@"
      """)
    // A job begins at once, with a task.
    try write(
      "bin/sbatch",
      """
      while [[ $1 == -* ]]; do shift; done
      exec env SLURM_JOB_ID=7 SLURM_SUBMIT_DIR="$PWD" SLURM_CPUS_PER_TASK=1 bash "$@"
      """)
    try write("bin/srun", "while [[ $1 == -* ]]; do shift; done\nexec \"$@\"")
  }

  private func write(_ name: String, _ body: String) throws {
    let file = path + "/" + name
    try Data("#!/bin/bash\n\(body)\n".utf8).write(to: URL(filePath: file))
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file)
  }

  private static let searchPath = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"

  /// Text enough for a few samples of validation.
  private static let text = (0..<3000).map { "The \($0)th line says that \($0) times \($0) is \($0 * $0).\n" }.joined()
}
