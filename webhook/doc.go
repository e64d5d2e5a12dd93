// Package webhook is the admission of triggers of this product: over HTTPS, for the API server.
//
// Job: refuse ScaledObjects and ScaledJobs whose triggers are wrong, with every mistake in one
// answer, and pass warnings on; where the API server has no MutatingAdmissionPolicy, rewrite
// kedify-http to a type that KEDA knows, and refer triggers to KEDA's certificate when it needs
// one. What is valid is decided in scaler/trigger, nowhere else; which objects are asked about at
// all is decided by the matchConditions of the chart
// (charts/kedify-gateway/templates/admission.yaml), so that an outage of the webhook blocks no other
// object.
// Inputs: AdmissionReviews; a cache, for warnings only. Outputs: answers. Registrar, which only
// the leader runs, puts our CA into the webhook configurations.
// Ownership: a Server answers on goroutines of net/http and keeps no state.
package webhook
