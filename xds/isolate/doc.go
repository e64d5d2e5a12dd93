// Package isolate finds the rule that a proxy refuses, so that the rest of its table is in force.
//
// Job: a stage between the engine and the other stages. Envoy refuses a whole RouteConfiguration and often names nothing
// in it. When a proxy refuses a table, this package publishes trials: tables with some of its rules, under a scope that no
// request finds, so that no traffic depends on an answer. What the proxies accept and refuse of the trials is the oracle of
// a group test. A rule that is refused is withheld, by the hash of its content, from every table of the gateway: it answers
// 500 or, when the proxy refuses even its match, is left out. When proxies differ, when no rule is to blame, and when no answer
// comes, nothing is withheld: the table is reported as the publisher does. What was refused before is tried first, and what a proxy
// refused that is gone is tried again.
// Inputs: resources with resource.Divisible; acceptances, rejections and deliveries of the publisher; what the other
// replicas withhold. Outputs: calls of the next stage, and deliveries that say of withheld rules alone that they are not
// in force.
// Ownership: one mutex per gateway, held during calls of the next stage. search is a pure state machine.
package isolate
