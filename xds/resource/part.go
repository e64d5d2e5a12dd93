package resource

import "github.com/kedify/inference-gateway/xds/ir"

// Form is how a part of a resource is rendered.
type Form string

const (
	// Whole parts are as the user wrote them.
	Whole Form = ""
	// Failing parts take the requests that they would take, and answer 500.
	Failing Form = "failing"
	// Absent parts are left out, because the proxy refuses even what selects their requests.
	Absent Form = "absent"
)

// Part is one match of one rule of a table.
type Part struct {
	// ID is a hash of what the part is rendered to: equal content has an equal ID in every table, on every
	// replica and after every restart.
	ID string
	// Name of the rule within its object, for people.
	Name   string
	Source ir.Source
	// Forwards: the part has the fields that the Gateway gives to all rules that forward.
	Forwards bool
}

// Divisible renders a table anew. Implementations are immutable, and do the work when they are called.
type Divisible interface {
	// Parts of the table, in the order of precedence.
	Parts() ([]Part, error)
	// Render returns the table with some parts in another form, by ID.
	Render(forms map[string]Form) (Resource, error)
	// Trial returns a table with these parts alone, and the scope that has proxies ask for it. No request
	// finds it. The name is that of both, behind TrialPrefix.
	Trial(name string, forms map[string]Form) (scope, table Resource, err error)
}

// TrialPrefix begins the names of tables that no request finds.
const TrialPrefix = "trial/"
