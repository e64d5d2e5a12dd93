package trigger

// KindAuthentication is the kind of KEDA's object that says, for all namespaces, where KEDA finds
// its certificate.
const KindAuthentication = "ClusterTriggerAuthentication"

// Reference is the authenticationRef of a trigger. KEDA takes an empty kind for an object in the
// namespace of the trigger.
type Reference struct{ Name, Kind string }

// Authentication is how KEDA identifies itself to our scaler.
type Authentication struct {
	// Name of the object of KindAuthentication that came with the installation.
	Name string
	// Required: the scaler is served with mutual TLS.
	Required bool
}

// reference is what a trigger of this product without one gets.
func (a Authentication) reference() Reference {
	return Reference{Name: a.Name, Kind: KindAuthentication}
}

// Rewriting is the rule by which admission rewrites triggers so that stock KEDA can use them. The
// webhook and the backfill use it; the admission policy of the chart has the same rule in CEL, and
// charts/policy_test.go compares the two.
type Rewriting struct {
	// ScalerAddress is where KEDA reaches our scaler, host:port.
	ScalerAddress  string
	Authentication Authentication
}

// Fields of a trigger that admission changes.
const (
	FieldType           = "type"
	FieldScalerAddress  = "metadata." + keyScalerAddress
	FieldOriginalType   = "metadata." + keyOriginalType
	FieldAuthentication = "authenticationRef"
)

// Change is one field of a trigger that admission sets or removes.
type Change struct {
	// Field is a path below the trigger.
	Field string
	// Value is a text, or a Reference for FieldAuthentication. Nil: the field is removed.
	Value any
}

// Changes returns what admission changes in a trigger; nil: KEDA can use it as it is.
//
// A type that stock KEDA does not know becomes external-push, with our address unless the user wrote
// one. The authenticationRef of a trigger of this product, in any spelling, is added for mutual TLS, and the one that
// the product added goes when mutual TLS is off: KEDA would report an object that does not exist, and would not open
// its streams again. A reference that the user wrote stays.
//
// A trigger without metadata stays as it is: the schema of KEDA refuses it with a better message.
func (r Rewriting) Changes(t Trigger) []Change {
	if t.Metadata == nil {
		return nil
	}
	var changes []Change
	if isOurType(t.Type) {
		changes = append(changes, Change{FieldType, typeExternalPush})
		if _, set := t.Metadata[keyScalerAddress]; !set {
			changes = append(changes, Change{FieldScalerAddress, r.ScalerAddress})
		}
		changes = append(changes, Change{FieldOriginalType, t.Type})
	}
	ours := r.Authentication.reference()
	switch {
	case !IsOurs(t, r.ScalerAddress):
	case r.Authentication.Required && t.Authentication == nil:
		changes = append(changes, Change{FieldAuthentication, ours})
	case !r.Authentication.Required && t.Authentication != nil && *t.Authentication == ours:
		changes = append(changes, Change{Field: FieldAuthentication})
	}
	return changes
}
