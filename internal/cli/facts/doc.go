// Package facts collects what is known of an object of a user: from the API server, and from the replicas of the control plane.
//
// Job: the Facts of package chain, and the rows of package summary. Inputs: a reader with the rights of the user, views.
// Outputs: facts. What may not be read, or is not served, is a fact, too: it says why.
// Ownership: a Source belongs to one command.
package facts
