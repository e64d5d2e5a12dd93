package pickerrelay

import (
	"errors"
	"fmt"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// frame is one message of ext_proc as it is sent. It is not changed.
type frame []byte

// codec hands frames over as they are.
type codec struct{}

// Name is that of the codec that gRPC uses by default: peers need not know of this one.
func (codec) Name() string { return "proto" }

// Marshal implements encoding.CodecV2.
func (codec) Marshal(v any) (mem.BufferSlice, error) {
	f, ok := v.(frame)
	if !ok {
		return nil, fmt.Errorf("message of type %T", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(f)}, nil
}

// Unmarshal implements encoding.CodecV2.
func (codec) Unmarshal(data mem.BufferSlice, v any) error {
	f, ok := v.(*frame)
	if !ok {
		return fmt.Errorf("message of type %T", v)
	}
	*f = data.Materialize()
	return nil
}

// kind of a message, in both directions.
type kind uint8

const (
	other kind = iota
	requestHeaders
	requestBody
	requestTrailers
	responseHeaders
	responsePhase // the rest of it
	immediate
)

// Fields of envoy.service.ext_proc.v3.
var (
	requestKinds = map[protowire.Number]kind{
		2: requestHeaders, 3: responseHeaders, 4: requestBody, 5: responsePhase, 6: requestTrailers, 7: responsePhase,
	}
	responseKinds = map[protowire.Number]kind{
		1: requestHeaders, 2: responseHeaders, 3: requestBody, 4: responsePhase, 5: requestTrailers, 6: responsePhase, 7: immediate,
	}
)

const (
	endOfHeaders, endOfBody = 3, 2 // HttpHeaders.end_of_stream, HttpBody.end_of_stream
	bodyOfBody              = 1    // HttpBody.body

	commonOfBody, mutationOfCommon, streamedOfMutation = 1, 3, 3 // BodyResponse.response.body_mutation.streamed_response
	bodyOfStreamed, endOfStreamed                      = 1, 2
)

var errMalformed = errors.New("malformed message of ext_proc")

// part is what the relay reads of a message.
type part struct {
	kind kind
	// end: the request ends with the message. body is a chunk of it.
	end  bool
	body []byte
}

// readRequest reads a message of Envoy.
func readRequest(f frame) (p part, err error) {
	number, content, err := oneof(f, requestKinds)
	if err != nil {
		return part{}, err
	}
	switch p.kind = requestKinds[number]; p.kind {
	case requestHeaders:
		p.end, err = flag(content, endOfHeaders)
	case requestBody:
		if p.body, err = bytesOf(content, bodyOfBody); err == nil {
			p.end, err = flag(content, endOfBody)
		}
	case requestTrailers:
		p.end = true
	default:
	}
	return p, err
}

// readResponse reads a message of a picker. A chunk of a body that is not streamed is one that Envoy does not accept: its kind is other.
func readResponse(f frame) (p part, err error) {
	number, content, err := oneof(f, responseKinds)
	if err != nil {
		return part{}, err
	}
	switch p.kind = responseKinds[number]; p.kind {
	case requestBody:
		for _, field := range []protowire.Number{commonOfBody, mutationOfCommon, streamedOfMutation} {
			var found bool
			if content, found, err = last(content, field); err != nil || !found {
				return part{}, err
			}
		}
		if p.body, err = bytesOf(content, bodyOfStreamed); err == nil {
			p.end, err = flag(content, endOfStreamed)
		}
	case requestTrailers:
		p.end = true
	default:
	}
	return p, err
}

// oneof returns the field of a message that is one of several; the last one counts. Zero: there is none.
func oneof(data []byte, fields map[protowire.Number]kind) (number protowire.Number, content []byte, err error) {
	err = each(data, func(n protowire.Number, value []byte) {
		if fields[n] != other {
			number, content = n, value
		}
	}, nil)
	return number, content, err
}

// last returns the last value of a field with bytes.
func last(data []byte, field protowire.Number) (value []byte, found bool, err error) {
	err = each(data, func(n protowire.Number, content []byte) {
		if n == field {
			value, found = content, true
		}
	}, nil)
	return value, found, err
}

func bytesOf(data []byte, field protowire.Number) ([]byte, error) {
	value, _, err := last(data, field)
	return value, err
}

// flag returns the last value of a field with a boolean.
func flag(data []byte, field protowire.Number) (set bool, err error) {
	err = each(data, nil, func(n protowire.Number, value uint64) {
		if n == field {
			set = value != 0
		}
	})
	return set, err
}

// each visits the fields of a message that have bytes, and those that have a number.
func each(data []byte, ofBytes func(protowire.Number, []byte), ofNumber func(protowire.Number, uint64)) error {
	for len(data) > 0 {
		field, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return errMalformed
		}
		data = data[n:]
		switch kind {
		case protowire.BytesType:
			value, size := protowire.ConsumeBytes(data)
			if n = size; n >= 0 && ofBytes != nil {
				ofBytes(field, value)
			}
		case protowire.VarintType:
			value, size := protowire.ConsumeVarint(data)
			if n = size; n >= 0 && ofNumber != nil {
				ofNumber(field, value)
			}
		default:
			n = protowire.ConsumeFieldValue(field, kind, data)
		}
		if n < 0 {
			return errMalformed
		}
		data = data[n:]
	}
	return nil
}
