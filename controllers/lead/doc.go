// Package lead has one replica do what only one may do, and has it give that up without ending.
//
// Job: elect the holder of a Lease (ByLease); run the parts of the leader, and let them work while this replica leads
// (Leadership). A replica that loses the Lease, because it cannot reach the API server, serves on: its streams, what
// it holds and what it answers do not depend on the API server.
//
// Inputs: an election. Outputs: calls of the parts within a term.
//
// Ownership: Leadership.Run blocks and owns the parts and the election. A term ends when nothing works in it any more.
package lead
