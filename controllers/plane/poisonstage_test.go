package plane_test

import (
	"bytes"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/stage"
)

// poisonMark begins the name of a rule that the stage below spoils; what follows is the kind of poison.
const poisonMark = "poison-"

// poisoner stands between the engine and the first stage. It puts into rules what Envoy refuses: the checks of the product
// refuse all that is known, and the next one of a kind that is not known would look like this.
type poisoner struct {
	stage.Stage
	kinds map[string]poison
}

// poison spoils a rule.
type poison func(*routev3.Route)

func (p *poisoner) Apply(gateway ir.Key, change resource.Change) {
	for i := range change.Upsert {
		change.Upsert[i] = p.spoil(change.Upsert[i])
	}
	p.Stage.Apply(gateway, change)
}

// spoil spoils the marked rules of a table that was rendered from any kind of object.
func (p *poisoner) spoil(r resource.Resource) resource.Resource {
	if r.Type != resource.Route {
		return r
	}
	if r.Divisible != nil {
		r.Divisible = &spoiled{r.Divisible, p}
	}
	if !bytes.Contains(r.Body, []byte("/"+poisonMark)) {
		return r
	}
	var table routev3.RouteConfiguration
	if err := proto.Unmarshal(r.Body, &table); err != nil {
		panic(err)
	}
	for _, host := range table.VirtualHosts {
		for _, route := range host.Routes {
			if _, kind, marked := strings.Cut(route.Name, "/"+poisonMark); marked {
				p.kinds[kind](route)
			}
		}
	}
	made, err := resource.New(r.Type, r.Name, &table, r.Clusters)
	if err != nil {
		panic(err)
	}
	r.Body, r.Version = made.Body, made.Version
	return r
}

// spoiled is a table whose parts are spoiled as well.
type spoiled struct {
	inner resource.Divisible
	by    *poisoner
}

func (s *spoiled) Parts() ([]resource.Part, error) { return s.inner.Parts() }

func (s *spoiled) Render(forms map[string]resource.Form) (resource.Resource, error) {
	made, err := s.inner.Render(forms)
	return s.by.spoil(made), err
}

func (s *spoiled) Trial(name string, forms map[string]resource.Form) (scope, table resource.Resource, err error) {
	scope, table, err = s.inner.Trial(name, forms)
	return scope, s.by.spoil(table), err
}
