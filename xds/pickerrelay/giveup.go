package pickerrelay

import (
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/protobuf/proto"
)

// pass ends the part of the relay: the request is back at Envoy, or answered.
func (c *call) pass() {
	c.phase = passing
	c.kept.release()
	if c.relay.health.answered(c.picker) {
		c.relay.log.Info("Picker answers again", "picker", c.picker)
	}
}

// giveUp ends the call of the picker, and treats the request as its pool wants it.
func (c *call) giveUp(details string) (done bool, err error) {
	c.cancel()
	c.fromPicker, c.pending = nil, 0
	if c.phase == passing { // it was told of the headers of an answer
		if !c.failOpen {
			return true, c.send(unavailable(details))
		}
		c.phase = alone
		return false, c.send(unchanged(&extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_ResponseHeaders{}}))
	}
	if !c.failOpen || c.kept.dropped || c.phase == returning && !c.back.begins(c.kept.frames) {
		return true, c.send(unavailable(details))
	}
	without := c.back.bytes
	returns := c.phase == returning
	c.phase = alone
	frames := c.kept.frames
	for i, f := range frames {
		p, err := readRequest(f)
		if err != nil {
			return true, err
		}
		if returns && p.kind == requestHeaders {
			continue // their answer was passed on
		}
		skipped := min(without, len(p.body))
		without -= skipped
		if skipped > 0 && skipped == len(p.body) && !p.end {
			continue // is back
		}
		if err := c.echo(f, skipped); err != nil {
			return true, err
		}
		frames[i] = nil
	}
	c.kept.release()
	return false, nil
}

// echo answers a message of Envoy in the place of the picker.
func (c *call) echo(f frame, without int) error {
	answer, err := echo(f, without)
	if err != nil {
		return err
	}
	return c.proxy.SendMsg(answer)
}

func (c *call) send(answer proto.Message) error {
	f, err := proto.Marshal(answer)
	if err != nil {
		return err
	}
	return c.proxy.SendMsg(frame(f))
}
