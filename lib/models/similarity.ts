export const vectorSimilarities = ['cosine', 'l2', 'inverse-l2'] as const;
/**
 * How alike two vectors are: `cosine`; `l2`, the negated distance; `inverse-l2`, 1 / (1 + distance). Higher is more
 * alike.
 */
export type VectorSimilarity = (typeof vectorSimilarities)[number];
export const similarityKinds = [...vectorSimilarities, 'sigmoid'] as const;
/** A dense layer of a pair head: `weights` [inputs × outputs], row-major, and `bias` [outputs]. */
export interface DenseLayer {
  weights: number[];
  bias: number[];
}

/**
 * How a model's vectors are compared: a {@link VectorSimilarity} (`inverse-l2` adds 1e-6 to each difference, as the
 * paper does), or `sigmoid` of dense layers with ReLU between them over |a − b|, or where `squared` over (a − b)².
 */
export type Similarity = { kind: VectorSimilarity } | { kind: 'sigmoid'; layers: DenseLayer[]; squared?: boolean };
