// Package pickers asks endpoint pickers whether they know an endpoint of their pool yet.
//
// Job: one question for all pickers of a pool, from the moment when the pool has its first endpoint until each picker
// names one, or shows that it cannot tell. A call is that of a proxy for a request without a body: the reference picker answers
// it at once, with an endpoint or with an error.
// Facts collect from the resources of a gateway whom to ask, and how.
// Inputs: the endpoints of the picker's Service, and how proxies connect to them. Outputs: one Verdict for each question.
// Ownership: a goroutine for each question, and up to maxWorkers below it; they end with the context of the question.
//
// # What a picker gets
//
// A tenant chooses the address by the picker that its pool names, as it does for its proxies. So a call has no credential, no
// client certificate and nothing of a request; its answer is read up to maxAnswer and used for one yes or no. The
// calls of one tenant share maxCalls places, and questions about one address share its connection.
package pickers
