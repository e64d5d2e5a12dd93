package checkup

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kedify/inference-gateway/internal/cli/chain"
)

const (
	// leaseLate is when a lease is not renewed any more: leaders renew it every 2 s.
	leaseLate = time.Minute
	// expiresSoon is when a CA should have been renewed: it is, after two thirds of its life.
	expiresSoon = 30 * 24 * time.Hour
	// shown is how many of several objects a finding names.
	shown = 3
)

// check collects links.
type check struct{ list chain.Checklist }

func (c *check) add(name, subject string, state chain.State, evidence, fix string) {
	if state == chain.OK || state == chain.Idle {
		fix = ""
	}
	c.list.Add(chain.Link{Name: name, Subject: subject, State: state, Evidence: evidence, Fix: fix})
}

// Of checks an installation.
func Of(f Facts) chain.Checklist {
	c := &check{list: chain.Checklist{Object: "Installation in " + f.System, Served: true}}
	c.versions(f)
	c.crds(f)
	c.replicas(f)
	c.leader(f)
	c.webhooks(f)
	c.keda(f)
	c.gateways(f)
	c.triggers(f)
	c.counters(f)
	for _, unread := range f.Unread {
		c.add("rights", "", chain.Unknown, unread+".", "run the command with a user that can read it")
	}
	return c.list
}

func (c *check) versions(f Facts) {
	if f.Kubernetes.Failure != "" {
		c.add("kubernetes", "", chain.Failed, "the API server does not answer: "+f.Kubernetes.Failure+".", "see kubeconfig and context")
		return
	}
	c.add("kubernetes", "", chain.OK, f.Kubernetes.Version+".", "")
}

func (c *check) crds(f Facts) {
	channels := map[string]bool{}
	for _, crd := range f.CRDs {
		switch {
		case crd.Failure != "":
			c.add("crds", crd.Name, chain.Unknown, "could not be read: "+crd.Failure+".", "run the command with a user that can read it")
		case !crd.Found && crd.Optional:
			c.add("crds", crd.Name, chain.Idle, "not installed; its objects have no effect.", "")
		case !crd.Found:
			c.add("crds", crd.Name, chain.Failed, "not installed.", "install the CRDs (docs/install.md)")
		case !slices.Contains(crd.Served, crd.Wanted):
			c.add("crds", crd.Name, chain.Failed,
				fmt.Sprintf("serves %s and not %s, which the product reads.", strings.Join(crd.Served, ", "), crd.Wanted),
				"install CRDs of a release that docs/install.md names")
		case len(crd.Stored) > 1:
			c.add("crds", crd.Name, chain.Unknown, fmt.Sprintf("objects may be stored in %s.", strings.Join(crd.Stored, " and ")),
				"rewrite its objects before you install CRDs without the older version")
		}
		if crd.Found && crd.Channel != "" {
			channels[crd.Bundle+" ("+crd.Channel+")"] = true
		}
	}
	switch bundles := slices.Sorted(maps.Keys(channels)); len(bundles) {
	case 0:
	case 1:
		c.add("crds", "", chain.OK, "Gateway API "+bundles[0]+".", "")
	default:
		c.add("crds", "", chain.Failed, "CRDs of several bundles of Gateway API are mixed: "+strings.Join(bundles, ", ")+".",
			"install all of one bundle and channel")
	}
}

func (c *check) replicas(f Facts) {
	ready, images := 0, map[string]bool{}
	for _, replica := range f.Replicas {
		images[replica.Image] = true
		switch {
		case replica.Pod.Ready:
			ready++
		case replica.Pod.Waiting != "":
			c.add("replicas", replica.Pod.Name, chain.Failed, replica.Pod.Waiting+".", "repair what keeps the Pod from becoming ready")
		default:
			c.add("replicas", replica.Pod.Name, chain.Unknown, "not ready yet.", "see its log")
		}
		if replica.Restarts > 0 {
			c.add("replicas", replica.Pod.Name, chain.Unknown, fmt.Sprintf("was restarted %d times.", replica.Restarts),
				"see its log of before: kubectl logs --previous")
		}
	}
	run := strings.Join(slices.Sorted(maps.Keys(images)), ", ")
	switch {
	case len(f.Replicas) == 0:
		c.add("replicas", "", chain.Failed, "no Pod of the control plane is there.",
			"install the chart, or name the namespace of the installation with --system")
	case ready == 0:
		c.add("replicas", "", chain.Failed, fmt.Sprintf("none of %d replicas is ready.", len(f.Replicas)), "see the Pods of the control plane")
	case len(images) > 1:
		c.add("replicas", "", chain.Unknown, "replicas run several images: "+run+".",
			"wait for the rollout to end")
	default:
		c.add("replicas", "", chain.OK, fmt.Sprintf("%d of %d replicas are ready, with %s.", ready, len(f.Replicas), run), "")
	}
	if f.Views.Failure != "" && len(f.Replicas) > 0 {
		c.add("views", "", chain.Unknown, fmt.Sprintf("%d replicas answered, others did not: %s.", f.Views.Answered, f.Views.Failure),
			"the command needs the right to create pods/portforward in the namespace of the installation")
	}
}

func (c *check) leader(f Facts) {
	switch {
	case f.Leader.Failure != "":
		c.add("leader", "", chain.Unknown, "the lease could not be read: "+f.Leader.Failure+".", "run the command with a user that can read it")
	case !f.Leader.Found || f.Leader.Holder == "":
		c.add("leader", "", chain.Unknown, "no replica holds the lease; a single replica without election needs none.",
			"see the logs of the control plane")
	case f.Now.Sub(f.Leader.Renewed) > leaseLate:
		c.add("leader", "", chain.Failed,
			fmt.Sprintf("%s holds the lease and has not renewed it for %s: statuses and data planes are not written.",
				f.Leader.Holder, f.Now.Sub(f.Leader.Renewed).Round(time.Second)),
			"see the logs of the control plane, and whether it reaches the API server")
	default:
		c.add("leader", "", chain.OK, f.Leader.Holder+" leads.", "")
	}
}

func (c *check) webhooks(f Facts) {
	for _, webhook := range f.Webhooks {
		switch {
		case webhook.Expiry.IsZero():
			c.add("webhooks", webhook.Name, chain.Failed,
				"it has no CA, so the API server cannot ask it and refuses ScaledObjects with triggers of the product.",
				"see whether a replica leads: it writes caBundle; a GitOps tool may take it away")
		case webhook.Expiry.Before(f.Now):
			c.add("webhooks", webhook.Name, chain.Failed, "its CA expired on "+webhook.Expiry.Format(time.DateOnly)+".",
				"see whether a replica leads: it renews the CA")
		case webhook.Expiry.Before(f.Now.Add(expiresSoon)):
			c.add("webhooks", webhook.Name, chain.Unknown,
				"its CA expires on "+webhook.Expiry.Format(time.DateOnly)+" and should have been renewed.",
				"see whether a replica leads: it renews the CA")
		default:
			c.add("webhooks", webhook.Name, chain.OK, "its CA is good until "+webhook.Expiry.Format(time.DateOnly)+".", "")
		}
	}
}

func (c *check) keda(f Facts) {
	switch {
	case f.KEDA.Failure != "":
		c.add("keda", "", chain.Unknown, "its Deployment could not be read: "+f.KEDA.Failure+".", "run the command with a user that can read it")
	case !f.KEDA.Found && len(f.Triggers) == 0:
		c.add("keda", "", chain.Idle, "not installed, and no trigger needs it.", "")
	case !f.KEDA.Found:
		c.add("keda", "", chain.Failed, "no Deployment keda-operator is there, so no trigger scales.", "install KEDA (docs/install.md)")
	case f.KEDA.Ready == 0 && f.KEDA.Wanted > 0:
		c.add("keda", "", chain.Failed, "none of its replicas is ready.", "see the Pods of keda-operator")
	case f.KEDA.Wanted == 0:
		c.add("keda", "", chain.Failed, "keda-operator has no replicas, so no trigger scales.", "scale it up")
	default:
		c.add("keda", "", chain.OK, "version "+f.KEDA.Version+".", "")
	}
}

func (c *check) gateways(f Facts) {
	wanted := map[string]bool{}
	for _, replica := range f.Replicas {
		wanted[replica.Image] = true
	}
	fine := 0
	for _, gateway := range f.Gateways {
		before := len(c.list.Links)
		if reasons := waitingOf(gateway.Pods); reasons != "" {
			c.add("proxies", gateway.Name, chain.Failed, "Pods are not ready: "+reasons+".", "repair what keeps the Pods from becoming ready")
		}
		if f.Views.Answered > 0 && gateway.Connected == 0 {
			c.add("proxies", gateway.Name, chain.Failed, "no proxy is connected to a replica.",
				"see the Pods of the Gateway, and NetworkPolicies to port 18000")
		}
		if withheld := gateway.Quarantined; len(withheld) > 0 {
			c.add("quarantine", gateway.Name, chain.Failed,
				fmt.Sprintf("%d resources are refused by proxies and withheld: %s.", len(withheld), few(withheld)),
				"change the objects that are named")
		}
		for _, image := range gateway.Images {
			if !wanted[image] && len(wanted) > 0 {
				c.add("images", gateway.Name, chain.Unknown, fmt.Sprintf("its Pods run %s, the control plane does not.", image),
					"wait for the rollout to end")
			}
		}
		if len(c.list.Links) == before {
			fine++
		}
	}
	if fine > 0 {
		c.add("proxies", "", chain.OK, fmt.Sprintf("%d of %d Gateways are as they should be.", fine, len(f.Gateways)), "")
	}
	if len(f.Gateways) == 0 {
		c.add("proxies", "", chain.Idle, "there is no Gateway of this product.", "")
	}
}

func waitingOf(pods []chain.Pod) string {
	var reasons []string
	for _, pod := range pods {
		if !pod.Ready && pod.Waiting != "" && !slices.Contains(reasons, pod.Waiting) {
			reasons = append(reasons, pod.Waiting)
		}
	}
	return few(reasons)
}

func few(texts []string) string {
	if len(texts) > shown {
		return strings.Join(texts[:shown], "; ") + fmt.Sprintf("; and %d others", len(texts)-shown)
	}
	return strings.Join(texts, "; ")
}

func (c *check) triggers(f Facts) {
	var unknown, refused []string
	for _, trigger := range f.Triggers {
		if trigger.Heard && trigger.Unknown != "" {
			unknown = append(unknown, trigger.Name+": "+trigger.Unknown)
		}
		if trigger.KEDA != "" {
			refused = append(refused, trigger.Name+": "+trigger.KEDA)
		}
		if trigger.Bypass != "" {
			c.add("bypass", trigger.Name, chain.Failed, trigger.Bypass, "lead the objects through the proxies (docs/kedify-http.md)")
		}
	}
	if len(unknown) > 0 {
		c.add("demand", "", chain.Failed, fmt.Sprintf("the demand of %d of %d triggers is unknown, so KEDA keeps their replicas: %s.",
			len(unknown), len(f.Triggers), few(unknown)), "kubectl kedify explain scaledobject names the link that does not hold")
	}
	if len(refused) > 0 {
		c.add("keda", "", chain.Failed, fmt.Sprintf("KEDA says of %d ScaledObjects that they are not ready: %s.", len(refused), few(refused)),
			"kubectl kedify explain scaledobject names the link that does not hold")
	}
	if len(unknown)+len(refused) == 0 && len(f.Triggers) > 0 {
		c.add("demand", "", chain.OK, fmt.Sprintf("%d triggers.", len(f.Triggers)), "")
	}
}

// Counters that are looked at.
const (
	KEDACalls    = "kedify_gateway_keda_calls_total"
	HoldAnswers  = "kedify_gateway_hold_answers_total"
	Rescues      = "kedify_gateway_rescue_attempts_total"
	HoldTimeouts = HoldAnswers + " timeout"
)

func (c *check) counters(f Facts) {
	if f.Counters == nil {
		if len(f.Replicas) > 0 {
			c.add("numbers", "", chain.Unknown, "the metrics of no replica could be read: "+f.CountersFailure+".",
				"the command needs the right to create pods/portforward in the namespace of the installation")
		}
		return
	}
	if len(f.Triggers) > 0 {
		if calls := f.Counters[KEDACalls]; calls == 0 {
			c.add("keda", "", chain.Failed, "KEDA has asked no replica since they began.",
				"see whether KEDA reaches port 9090: TLS (keda.tls), NetworkPolicies, scalerAddress")
		} else {
			c.add("keda", "", chain.OK, fmt.Sprintf("it has asked %.0f times since the replicas began.", calls), "")
		}
	}
	if timeouts := f.Counters[HoldTimeouts]; timeouts > 0 {
		c.add("hold", "", chain.Unknown, fmt.Sprintf("%.0f held requests ended in 504 since the replicas began.", timeouts),
			"kubectl kedify status names the triggers whose requests wait")
	}
	if rescues := f.Counters[Rescues]; rescues > 0 {
		c.add("keda", "", chain.Unknown, fmt.Sprintf("the product scaled %.0f times itself, because KEDA did not or the trigger asks for it.",
			rescues),
			"see the log of keda-operator if no trigger has scaleFromZero: needed")
	}
}
