package peers

import (
	"encoding/json"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/kedify/inference-gateway/scaler/demand/replica"
	"github.com/kedify/inference-gateway/scaler/engines"
	"github.com/kedify/inference-gateway/xds/publish"
)

// version of the envelope. New fields do not change it; a new meaning of an old field does.
const version = 1

// ErrVersion says that a peer speaks a version of the envelope that we do not know.
var ErrVersion = errors.New("unknown version of the envelope")

// envelope is one message. A subscriber sends one with its name only.
type envelope struct {
	Version int `json:"v"`
	// Replica is the name of the sender.
	Replica string `json:"replica"`
	// Deliveries are those of the proxies of the sender. The newest of a gateway replaces the
	// one before; the first envelope of a stream replaces all of them.
	Deliveries []publish.Delivery `json:"deliveries,omitempty"`
	// Forgotten are the gateways that the sender has no more.
	Forgotten []types.NamespacedName `json:"forgotten,omitempty"`
	// Demand is what the proxies of the sender count and what the sender holds: all of it in
	// the first envelope of a stream, and then what changed.
	Demand *replica.Delta `json:"demand,omitempty"`
	// Engines is what the sender read of model Pods since the last envelope that has it.
	Engines *engines.Delta `json:"engines,omitempty"`
}

func (e envelope) message() (*wrapperspb.BytesValue, error) {
	e.Version = version
	text, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode an envelope: %w", err)
	}
	return wrapperspb.Bytes(text), nil
}

func open(message *wrapperspb.BytesValue) (envelope, error) {
	found := envelope{}
	if err := json.Unmarshal(message.GetValue(), &found); err != nil {
		return envelope{}, fmt.Errorf("decode an envelope: %w", err)
	}
	if found.Version != version {
		return envelope{}, fmt.Errorf("%w: %d", ErrVersion, found.Version)
	}
	return found, nil
}
