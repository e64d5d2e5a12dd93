// Package auth reads ExternalAuth filters, of routes and of listeners alike.
//
// Job: an HTTPExternalAuthFilter (GEP-1494) becomes an ir.Auth, or a problem that names the field and the fix. Inputs: a
// store.View, the object that refers, and the reasons of the conditions. Outputs: values. Ownership: PURE (package resolve).
package auth
