package keda

import (
	"errors"
	"fmt"
	"strings"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
)

// errBypassed is answered while the requests of a trigger may reach the application past the
// proxies.
var errBypassed = errors.New("the demand is unknown")

// read returns the demand of a trigger.
//
// The proxies count only what they see. While foreign objects lead to the application past them, no
// request is no sign of no demand: KEDA would stop an application that is busy. So the demand is
// unknown until a first request was counted or held at a proxy. The leader writes into the
// HTTPScaler that it was, for processes that start later; this process does not wait for that.
//
// While wired Services lead past the proxies, the demand is unknown, although requests were counted before.
func (s *Server) read(of *scaler.Scaler) (demand.Reading, error) {
	reading, err := s.options.Registry.Read(of.Key)
	switch {
	case unseen(of):
		return reading, direct(of)
	case err != nil:
		return reading, err
	}
	if traffic := of.Spec.Traffic; len(traffic.Bypass) > 0 && !traffic.Seen && !reading.Requested {
		return reading, fmt.Errorf("%w: %s may lead to the application past the proxies, and no request came through a proxy yet; "+
			`send the requests through the proxies, or set trafficAutowire to "false"`, errBypassed, strings.Join(traffic.Bypass, ", "))
	}
	return reading, nil
}

// unread counts and returns the answer to an error of read.
func (s *Server) unread(of *scaler.Scaler, err error) error {
	reason := unknownDemand
	switch {
	case errors.Is(err, errBypassed):
		reason = unknownBypass
	case errors.Is(err, errDirect):
		reason = unknownDirect
	}
	return s.unknown(reason, "trigger %s: %v", of.Key, err)
}
