/// Parts of run files of runs that take a second.
package enum TinyRun {
  /// A CAT of bytes.
  package static let model = """
    model:
      model_type: cat
      vocab_size: 256
      hidden_size: 32
      num_hidden_layers: 2
      num_heads: 2
      compressor_hidden_size: 16
      compressor_num_layers: 1
      compressor_num_heads: 1
      max_chunk_size: 8
      max_position_embeddings: 32
    """
}
