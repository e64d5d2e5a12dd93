// Package plan says what the wired Services of a namespace, and the foreign objects that lead to its
// applications, should be.
//
// Job: from HTTPScalers, their backends, foreign objects and the path that is wanted: the wired
// Services and slices, the patches of foreign objects, what goes, and what the HTTPScalers say.
// Inputs: a World, which is one namespace's, with the time. Outputs: a Plan. PURE: no clients,
// context, clock, goroutines or logging. Ownership: no state; a Memory is part of the World, and
// objects are read only.
//
// # What holds
//
//   - A wired Service exists, and has a ready endpoint of a proxy for a moment, before an object is pointed at it:
//     consumers hear of Services and of objects on different watches. It goes a minute after nothing points at it any more.
//   - A reference is rewritten, and stays so, while the triggers match all of its requests: the proxies
//     answer the others with 404. Exceptions are told: a rule without hosts, and what users wire by hand.
//   - A move takes two plans: the second write follows what the first left on the API server. Between
//     them both sides are ready.
//   - A wired Service without a trigger leads to the application, for as long as anything points at it:
//     nothing that a user deletes takes an application off the air.
//   - While the path is direct no object is rewritten, and none restored but those of a deleted trigger.
//   - Not known is neither allowed nor refused: an HTTPScaler without a status changes nothing.
//   - A route of a Gateway of this product is never touched. A route of another namespace counts if a
//     ReferenceGrant permits it.
//   - A panic about one object leaves that object as it is, and every other as it should be.
//   - What was rewritten is known from the objects alone, so a restart loses nothing.
package plan
