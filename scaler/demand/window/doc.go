// Package window turns requests over time into numbers: a rate, a concurrency, activity.
//
// Job: for one key and the proxies of one gateway (Window), requests per second over the window
// of a trigger and requests in flight over its last seconds; for one key over all of them
// (Traffic), their sums; when requests arrived and were in flight last (Activity), and how long
// that keeps a workload active.
//
// Inputs: Sample, what one proxy counted in one span of time; Track, a number that changes at
// known moments; Sizes, what the trigger asks for. Outputs: Traffic, Activity.Active, and
// History, what another replica needs to know of the past.
//
// What was counted between two reports is spread evenly over the time between them. A window
// that was not full since its first request is divided by the part that is known, and a number
// in flight went evenly from one report's to the next's.
//
// Ownership: pure. No locks, no clock, no goroutines; a Window belongs to its caller.
package window
