package checkup

import (
	"strings"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/internal/cli/chain"
)

var now = time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)

// fine is an installation to which nothing is wrong.
func fine() Facts {
	there := chain.Read{Found: true}
	return Facts{
		Now: now, System: "kedify-system", Kubernetes: Version{Version: "v1.37.2"},
		CRDs: []CRD{
			{Name: "gateways", Read: there, Bundle: "v1.7.0", Channel: "standard", Wanted: "v1", Served: []string{"v1", "v1beta1"},
				Stored: []string{"v1"}},
			{Name: "inferencepools", Optional: true, Wanted: "v1"},
		},
		KEDA: Workload{Read: there, Version: "2.21.0", Wanted: 1, Ready: 1},
		Replicas: []Replica{{Pod: chain.Pod{Name: "a", Ready: true}, Image: "image:1"},
			{Pod: chain.Pod{Name: "b", Ready: true}, Image: "image:1"}},
		Leader:   Leader{Read: there, Holder: "a", Renewed: now},
		Views:    chain.Views{Answered: 2},
		Webhooks: []Webhook{{Name: "validate", Expiry: now.AddDate(2, 0, 0)}},
		Gateways: []Gateway{{Name: "infra/gw", Connected: 1, Pods: []chain.Pod{{Ready: true}}, Images: []string{"image:1"}}},
		Triggers: []Trigger{{Name: "shop/web-0", Heard: true}},
		Counters: map[string]float64{KEDACalls: 12},
	}
}

// TestChecks: each fault is named by the check that is about it.
func TestChecks(t *testing.T) {
	if list := Of(fine()); !list.Served {
		t.Errorf("an installation to which nothing is wrong: %+v", list)
	}
	for name, c := range map[string]struct {
		change func(*Facts)
		state  chain.State
		says   string // in "check: evidence" of a link in that state
	}{
		"no API server": {func(f *Facts) { f.Kubernetes = Version{Failure: "refused"} }, chain.Failed,
			"kubernetes: the API server does not answer: refused"},
		"CRD missing": {func(f *Facts) { f.CRDs[0].Read = chain.Read{} }, chain.Failed, "crds: not installed"},
		"CRD too old": {func(f *Facts) { f.CRDs[0].Served = []string{"v1beta1"} }, chain.Failed, "crds: serves v1beta1 and not v1"},
		"two storages": {func(f *Facts) { f.CRDs[0].Stored = []string{"v1beta1", "v1"} }, chain.Unknown,
			"crds: objects may be stored in v1beta1 and v1"},
		"mixed bundles": {func(f *Facts) { other := f.CRDs[0]; other.Bundle = "v1.6.0"; f.CRDs = append(f.CRDs, other) }, chain.Failed,
			"crds: CRDs of several bundles"},
		"no replica": {func(f *Facts) { f.Replicas = nil }, chain.Failed, "replicas: no Pod of the control plane"},
		"image of a replica": {func(f *Facts) { f.Replicas[1].Pod = chain.Pod{Name: "b", Waiting: "ImagePullBackOff: none"} }, chain.Failed,
			"replicas: ImagePullBackOff: none"},
		"restarts": {func(f *Facts) { f.Replicas[0].Restarts = 3 }, chain.Unknown, "replicas: was restarted 3 times"},
		"two images": {func(f *Facts) { f.Replicas[0].Image = "image:2" }, chain.Unknown,
			"replicas: replicas run several images: image:1, image:2"},
		"no answer": {func(f *Facts) { f.Views = chain.Views{Answered: 1, Failure: "replica b: forbidden"} }, chain.Unknown,
			"views: 1 replicas answered"},
		"lease not renewed": {func(f *Facts) { f.Leader.Renewed = now.Add(-time.Hour) }, chain.Failed,
			"leader: a holds the lease and has not renewed it for 1h0m0s"},
		"no CA":      {func(f *Facts) { f.Webhooks[0].Expiry = time.Time{} }, chain.Failed, "webhooks: it has no CA"},
		"CA expired": {func(f *Facts) { f.Webhooks[0].Expiry = now.Add(-time.Hour) }, chain.Failed, "webhooks: its CA expired on 2026-05-06"},
		"CA expires soon": {func(f *Facts) { f.Webhooks[0].Expiry = now.Add(time.Hour) }, chain.Unknown,
			"webhooks: its CA expires on 2026-05-06"},
		"no KEDA":          {func(f *Facts) { f.KEDA = Workload{} }, chain.Failed, "keda: no Deployment keda-operator"},
		"KEDA down":        {func(f *Facts) { f.KEDA.Ready = 0 }, chain.Failed, "keda: none of its replicas is ready"},
		"KEDA at zero":     {func(f *Facts) { f.KEDA.Wanted, f.KEDA.Ready = 0, 0 }, chain.Failed, "keda: keda-operator has no replicas"},
		"KEDA never asked": {func(f *Facts) { f.Counters[KEDACalls] = 0 }, chain.Failed, "keda: KEDA has asked no replica"},
		"KEDA refuses": {func(f *Facts) { f.Triggers[0].KEDA = "no metric specs" }, chain.Failed,
			"keda: KEDA says of 1 ScaledObjects that they are not ready: shop/web-0: no metric specs"},
		"no proxy connected": {func(f *Facts) { f.Gateways[0].Connected = 0 }, chain.Failed, "proxies: no proxy is connected"},
		"image of a proxy": {func(f *Facts) { f.Gateways[0].Pods = []chain.Pod{{Waiting: "ErrImagePull: none"}} }, chain.Failed,
			"proxies: Pods are not ready: ErrImagePull: none"},
		"quarantine": {func(f *Facts) {
			f.Gateways[0].Quarantined = []string{"80/a, from HTTPRoute shop/web"}
		}, chain.Failed,
			"quarantine: 1 resources are refused by proxies and withheld: 80/a, from HTTPRoute shop/web"},
		"another image": {func(f *Facts) { f.Gateways[0].Images = []string{"image:0"} }, chain.Unknown, "images: its Pods run image:0"},
		"unknown demand": {func(f *Facts) { f.Triggers[0].Unknown = "no report" }, chain.Failed,
			"demand: the demand of 1 of 1 triggers is unknown"},
		"bypass": {func(f *Facts) { f.Triggers[0].Bypass = "Ingress shop/web leads past" }, chain.Failed,
			"bypass: Ingress shop/web leads past"},
		"hold timeouts": {func(f *Facts) { f.Counters[HoldTimeouts] = 4 }, chain.Unknown, "hold: 4 held requests ended in 504"},
		"rescues":       {func(f *Facts) { f.Counters[Rescues] = 2 }, chain.Unknown, "keda: the product scaled 2 times itself"},
		"no metrics": {func(f *Facts) { f.Counters, f.CountersFailure = nil, "forbidden" }, chain.Unknown,
			"numbers: the metrics of no replica could be read: forbidden"},
		"no rights": {func(f *Facts) { f.Unread = []string{"list Deployments: forbidden"} }, chain.Unknown,
			"rights: list Deployments: forbidden"},
	} {
		facts := fine()
		c.change(&facts)
		list, told := Of(facts), false
		for _, link := range list.Links {
			told = told || link.State == c.state && strings.HasPrefix(link.Name+": "+link.Evidence, c.says)
			if link.State == chain.Failed && link.Fix == "" {
				t.Errorf("%s: %+v has no fix", name, link)
			}
		}
		if !told || list.Served == (c.state == chain.Failed) {
			t.Errorf("%s: no %s %q in %+v", name, c.state, c.says, list)
		}
	}
}
