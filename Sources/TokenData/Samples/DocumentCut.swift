/// What is done where a sample holds the end of one document and the beginning of another.
package enum DocumentBoundaries: String, CaseIterable, Sendable {
  /// Nothing: a sample is one sequence.
  case ignore
  /// Each document's part is a sequence of its own, which sees nothing of the others.
  case reset
}

/// How samples are cut into documents.
package struct DocumentCut: Hashable, Sendable {
  /// What ends a document in a shard of which nothing else says where documents begin; nil if there is no such id.
  let endOfDocument: Int32?

  package init(endOfDocument: Int32?) {
    self.endOfDocument = endOfDocument
  }

  /// Where the documents of a shard begin.
  ///
  /// - Throws: ``TokenError`` if nothing says so.
  func documents(of shard: TokenShard) throws(TokenError) -> DocumentIndex {
    if let documents = try shard.documents() { return documents }
    guard let endOfDocument else {
      throw TokenError(
        file: shard.path, found: "nothing that says where documents begin",
        allowed:
          "for data.document_boundaries: reset, the .documents that catlm tokenize writes beside a shard, an .idx "
          + "of Megatron, or a data.tokenizer with an id that ends documents")
    }
    return DocumentIndex(searching: shard, endOfDocument: endOfDocument)
  }
}
