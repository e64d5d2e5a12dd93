package trigger

import "testing"

func TestAuthentication(t *testing.T) {
	on, off := Authentication{Name: "gw", Required: true}, Authentication{Name: "gw"}
	ours, theirs := &Reference{"gw", KindAuthentication}, &Reference{"theirs", KindAuthentication}
	for name, test := range map[string]struct {
		written map[string]string
		as      string
		refers  *Reference
		on, off Change
	}{
		"as the user writes it":   {nil, "kedify-http", nil, Add, Keep},
		"other Envoys":            {nil, "kedify-envoy-http", nil, Add, Keep},
		"rewritten":               {map[string]string{"originalType": "kedify-http", "scalerAddress": ourAddress}, "external-push", nil, Add, Keep},
		"native":                  {map[string]string{"scalerAddress": ourAddress}, "external-push", nil, Add, Keep},
		"done":                    {map[string]string{"scalerAddress": ourAddress}, "external-push", ours, Keep, Remove},
		"of the user's":           {map[string]string{"scalerAddress": ourAddress}, "external-push", theirs, Keep, Keep},
		"of the namespace":        {map[string]string{"scalerAddress": ourAddress}, "external-push", &Reference{Name: "gw"}, Keep, Keep},
		"somebody else's":         {map[string]string{"scalerAddress": "other:9090"}, "external-push", nil, Keep, Keep},
		"somebody else with ours": {map[string]string{"scalerAddress": "other:9090"}, "external-push", ours, Keep, Keep},
		"not external":            {map[string]string{"scalerAddress": ourAddress}, "prometheus", nil, Keep, Keep},
	} {
		trigger := Trigger{Type: test.as, Metadata: test.written, Authentication: test.refers}
		if got := on.Change(trigger, ourAddress); got != test.on {
			t.Errorf("%s, on: %d, want %d", name, got, test.on)
		}
		if got := off.Change(trigger, ourAddress); got != test.off {
			t.Errorf("%s, off: %d, want %d", name, got, test.off)
		}
	}
}
