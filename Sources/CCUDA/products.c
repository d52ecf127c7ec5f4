#include "internal.h"

#include <stdlib.h>

// cuBLASLt's matrices are column-major: the row-major product c = a · b is computed as cᵀ = bᵀ · aᵀ.

struct ccuda_product {
  blas_description *description;
  blas_layout *a, *b, *c;
  blas_algorithm algorithm;
};

/// Names of the library's numbers.
enum {
  compute_float32 = 68,
  description_transposes_a = 3,
  description_transposes_b = 4,
  preference_workspace_bytes = 1,
  preference_alignment_a = 5,
  preference_alignment_b = 6,
  preference_alignment_c = 7,
  preference_alignment_d = 8,
  not_supported = 15,
  allocation_failed = 3,
};

int ccuda_products_create(ccuda_products **products) { return BLAS(cublasLtCreate, products); }

int ccuda_products_destroy(ccuda_products *products) { return BLAS(cublasLtDestroy, products); }

static int describe(ccuda_product *product, const ccuda_product_shape *shape) {
  // What is the left operand to us is the right one to the library.
  int left = shape->b_transposed, right = shape->a_transposed;
  int code = BLAS(cublasLtMatmulDescCreate, &product->description, compute_float32, ccuda_float32);
  if (code != 0) return code;
  code = BLAS(
    cublasLtMatmulDescSetAttribute, product->description, description_transposes_a, &left, sizeof left);
  if (code != 0) return code;
  return BLAS(
    cublasLtMatmulDescSetAttribute, product->description, description_transposes_b, &right, sizeof right);
}

static int lay_out(ccuda_product *product, const ccuda_product_shape *shape) {
  const int64_t m = shape->m, n = shape->n, k = shape->k;
  const int a_flips = shape->a_transposed, b_flips = shape->b_transposed;
  // As stored, a row of ours is a column of the library's.
  int code = BLAS(
    cublasLtMatrixLayoutCreate, &product->a, (int)shape->ab_type, (uint64_t)(a_flips ? m : k),
    (uint64_t)(a_flips ? k : m), shape->a_stride);
  if (code != 0) return code;
  code = BLAS(
    cublasLtMatrixLayoutCreate, &product->b, (int)shape->ab_type, (uint64_t)(b_flips ? k : n),
    (uint64_t)(b_flips ? n : k), shape->b_stride);
  if (code != 0) return code;
  return BLAS(
    cublasLtMatrixLayoutCreate, &product->c, (int)shape->c_type, (uint64_t)n, (uint64_t)m, shape->c_stride);
}

/// What an algorithm may rely on.
static int prefer(blas_preference *preference, const ccuda_product_shape *shape, size_t workspace_bytes) {
  int code = BLAS(
    cublasLtMatmulPreferenceSetAttribute, preference, preference_workspace_bytes, &workspace_bytes,
    sizeof workspace_bytes);
  const struct {
    int attribute;
    uint32_t bytes;
  } alignments[] = {
    {preference_alignment_a, shape->b_alignment},
    {preference_alignment_b, shape->a_alignment},
    {preference_alignment_c, shape->c_alignment},
    {preference_alignment_d, shape->c_alignment},
  };
  for (int i = 0; i < 4 && code == 0; i++) {
    code = BLAS(
      cublasLtMatmulPreferenceSetAttribute, preference, alignments[i].attribute, &alignments[i].bytes,
      sizeof alignments[i].bytes);
  }
  return code;
}

/// - is_found: not 0 if there is an algorithm.
static int choose(
  ccuda_products *products, ccuda_product *product, const ccuda_product_shape *shape, size_t workspace_bytes,
  int *is_found) {
  blas_preference *preference = NULL;
  int code = BLAS(cublasLtMatmulPreferenceCreate, &preference);
  if (code != 0) return code;
  code = prefer(preference, shape, workspace_bytes);
  blas_choice choice = {{{0}}, 0, 0, 0, {0}};
  int count = 0;
  if (code == 0) {
    code = blas.cublasLtMatmulAlgoGetHeuristic(
      products, product->description, product->b, product->a, product->c, product->c, preference, 1, &choice, &count);
    *is_found = code == 0 && count > 0;
    code = code == not_supported ? 0 : checked_blas(code, "cublasLtMatmulAlgoGetHeuristic");
  }
  product->algorithm = choice.algorithm;
  int end_code = BLAS(cublasLtMatmulPreferenceDestroy, preference);
  return code == 0 ? end_code : code;
}

int ccuda_product_create(
  ccuda_products *products, ccuda_product_shape shape, size_t workspace_bytes, ccuda_product **product) {
  *product = calloc(1, sizeof **product);
  if (*product == NULL) return checked_blas(allocation_failed, "calloc");
  int code = describe(*product, &shape);
  if (code == 0) code = lay_out(*product, &shape);
  int is_found = 0;
  if (code == 0) code = choose(products, *product, &shape, workspace_bytes, &is_found);
  if (code != 0) {
    // The code to report is the first one.
    const char *call = ccuda_failed_call();
    ccuda_product_destroy(*product);
    *product = NULL;
    return checked_blas(code, call);
  }
  if (!is_found) {
    code = ccuda_product_destroy(*product);
    *product = NULL;
  }
  return code;
}

int ccuda_product_destroy(ccuda_product *product) {
  blas_layout *layouts[] = {product->a, product->b, product->c};
  int code = 0;
  for (int i = 0; i < 3; i++) {
    if (layouts[i] == NULL) continue;
    int end_code = BLAS(cublasLtMatrixLayoutDestroy, layouts[i]);
    if (code == 0) code = end_code;
  }
  if (product->description != NULL) {
    int end_code = BLAS(cublasLtMatmulDescDestroy, product->description);
    if (code == 0) code = end_code;
  }
  free(product);
  return code;
}

int ccuda_product_run(
  ccuda_products *products, ccuda_product *product, float scale, float keep, ccuda_address a, ccuda_address b,
  ccuda_address c, ccuda_address workspace, size_t workspace_bytes, ccuda_stream *stream) {
  void *result = (void *)(uintptr_t)c;
  return BLAS(
    cublasLtMatmul, products, product->description, &scale, (const void *)(uintptr_t)b, product->b,
    (const void *)(uintptr_t)a, product->a, &keep, result, product->c, result, product->c, &product->algorithm,
    (void *)(uintptr_t)workspace, workspace_bytes, stream);
}
