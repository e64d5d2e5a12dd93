// Package autoscaler says what the HPA of a ScaledObject lets the product do to its target.
//
// Job: whether replicas may be raised beside the HPA, and to how many (scaler/burst). Inputs: ScaledObjects from a cache, the HPA
// from the API server: one read for each question. Outputs: a number, or why there is none. Ownership: no state.
package autoscaler
