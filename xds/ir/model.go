package ir

// ModelHeader is the header in which a rule says the model that it is for, by the convention of the Gateway API Inference Extension.
// No rule compares what a client says there.
const ModelHeader = "x-gateway-model-name"

// DefaultModelBody is the largest body that is read for the model of a request, in bytes.
const DefaultModelBody = 16 << 20

// ModelMatch compares the model that the body of a request asks for: "model" of a JSON object. The zero value takes requests with any
// model, and without one; any other value takes none without.
type ModelMatch struct {
	Value string
	Regex bool // RE2 on the whole name; otherwise equality
}

// Any reports whether the model of a request does not matter.
func (m ModelMatch) Any() bool { return m == ModelMatch{} }

// ReadsModels reports whether a rule of the host is for some models.
func (h Host) ReadsModels() bool { return h.modelRules() > 0 }

// OnlyModels reports whether all rules of the host are.
func (h Host) OnlyModels() bool { return len(h.Routes) > 0 && h.modelRules() == len(h.Routes) }

func (h Host) modelRules() (count int) {
	for i := range h.Routes {
		if !h.Routes[i].Match.Model.Any() {
			count++
		}
	}
	return count
}
