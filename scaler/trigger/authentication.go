package trigger

// KindAuthentication is the kind of KEDA's object that says, for all namespaces, where KEDA finds
// its certificate.
const KindAuthentication = "ClusterTriggerAuthentication"

// Reference is the authenticationRef of a trigger. KEDA takes an empty kind for an object in the
// namespace of the trigger.
type Reference struct{ Name, Kind string }

// Authentication is how KEDA shows our scaler who it is.
type Authentication struct {
	// Name of the object of KindAuthentication that came with the installation.
	Name string
	// Required: the scaler is served with mutual TLS.
	Required bool
}

// Change is what an authenticationRef needs.
type Change int

// Changes.
const (
	Keep Change = iota
	Add
	Remove
)

// Reference is what a trigger of ours without one gets.
func (a Authentication) Reference() Reference {
	return Reference{Name: a.Name, Kind: KindAuthentication}
}

// Change says what is to be done with the authenticationRef of a trigger. Who wrote one of his own
// knows why. Ours goes when nothing is behind it any more: KEDA would complain of it, and would
// not open its streams anew. address is that of IsOurs.
func (a Authentication) Change(t Trigger, address string) Change {
	switch {
	case !IsOurs(t, address):
	case a.Required && t.Authentication == nil:
		return Add
	case !a.Required && t.Authentication != nil && *t.Authentication == a.Reference():
		return Remove
	}
	return Keep
}
