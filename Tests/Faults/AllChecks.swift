extension FaultCheck {
  /// Every check, in the order of the table.
  static let all: [FaultCheck] = [
    KillInSave.checks, KillInTraining.checks, ResumeAnywhere.checks, OtherRankCounts.checks, Corruption.checks,
    PowerLoss.checks, FailingDisk.checks, RealDisk.checks, FullDisk.checks, StopRequests.checks, StopForLosses.checks,
    ChangedData.checks, LostRank.checks, NotFinite.checks,
    FlippedReplica.checks, ResumeSmoke.checks,
    MutatedShards.checks, MutatedSafetensors.checks, MutatedConfigurations.checks, MutatedTokenizers.checks,
    SecondTrainer.checks, Soak.checks,
    SmallSharedMemory.checks,
  ].flatMap { $0 }.sorted { ($0.row, $0.name) < ($1.row, $1.name) }
}
