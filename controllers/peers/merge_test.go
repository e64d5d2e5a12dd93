package peers

import (
	"testing"

	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
)

// TestFormIsTold: that a rule is left out, and answers 500 no more, is a change.
func TestFormIsTold(t *testing.T) {
	withheld := func(form resource.Form) publish.Delivery {
		return publish.Delivery{Rejected: []publish.Rejection{{Version: "v", Withheld: &publish.Withheld{Part: "v", Form: form}}}}
	}
	if equal(withheld(resource.Failing), withheld(resource.Absent)) {
		t.Error("a rejection with another form is equal")
	}
	if !equal(withheld(resource.Failing), withheld(resource.Failing)) {
		t.Error("the same rejection is not equal")
	}
}
