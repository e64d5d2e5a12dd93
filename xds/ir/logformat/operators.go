package logformat

import (
	"maps"
	"regexp"
	"slices"
)

// operator is what one command operator takes.
type operator struct {
	arguments *regexp.Regexp // nil: none
	usage     string         // of the arguments, for people
	needed    bool           // not without arguments
	cut       bool           // takes a length
}

// The arguments of operators. Each pattern takes less than Envoy does, and nothing that it refuses.
var (
	// header is one name, or a second one for requests without the first.
	header = operator{full(`:?[A-Za-z0-9_.-]+(\?:?[A-Za-z0-9_.-]+)?`), "a header, or two with ? between them", true, true}
	// moment is a format of strftime, with fractions of seconds.
	moment = operator{
		arguments: full(`([A-Za-z0-9 :/.,_+-]|%[YmdHMSzZFTsjyeBbaApI]|%[1-9]?f)+`),
		usage:     "a format of a time, such as %Y-%m-%dT%H:%M:%S.%3fZ",
	}
	// metadata is a namespace and keys below it. Of that of clusters Envoy takes no length.
	metadata        = operator{keys, "NAMESPACE:KEY", true, true}
	clusterMetadata = operator{keys, "NAMESPACE:KEY", true, false}
	span            = operator{
		arguments: full(points + `:` + points + `:(ms|us|ns)`),
		usage:     "two points in time and ms, us or ns, such as DS_RX_BEG:US_RX_BODY_BEG:ms", needed: true,
	}
	mask      = operator{full(`[0-9]|[12][0-9]|3[0-2]`), "the length of a prefix from 0 to 32", false, false}
	grpc      = operator{full(`CAMEL_STRING|SNAKE_STRING|NUMBER`), "CAMEL_STRING, SNAKE_STRING or NUMBER", false, false}
	details   = operator{full(`ALLOW_WHITESPACES`), "ALLOW_WHITESPACES", false, false}
	parameter = operator{full(`[A-Za-z0-9_.-]+`), "the name of a query parameter", true, true}
	path      = operator{full(`(WQ|NQ)(:(ORIG|PATH|ORIG_OR_PATH))?`), "WQ or NQ, with :ORIG, :PATH or :ORIG_OR_PATH", false, true}
	plain     = operator{}
)

const points = `(DS_RX_BEG|DS_RX_END|US_CX_BEG|US_CX_END|US_HS_END|US_TX_BEG|US_TX_END|` +
	`US_RX_BEG|US_RX_BODY_BEG|US_RX_END|DS_TX_BEG|DS_TX_END)`

var keys = full(`[A-Za-z0-9_./-]+(:[A-Za-z0-9_./-]+)*`)

func full(pattern string) *regexp.Regexp { return regexp.MustCompile(`^(?:` + pattern + `)$`) }

// Operators returns the names of the command operators that may be used, sorted.
func Operators() []string { return slices.Sorted(maps.Keys(operators)) }

// operators are those that may be used.
var operators = map[string]operator{
	"START_TIME": moment, "EMIT_TIME": moment, "START_TIME_LOCAL": moment, "EMIT_TIME_LOCAL": moment,

	"REQ": header, "RESP": header, "TRAILER": header, "REQUEST_HEADER": header, "RESPONSE_HEADER": header, "RESPONSE_TRAILER": header,
	"PATH": path, "QUERY_PARAM": parameter,
	"PROTOCOL": plain, "UPSTREAM_PROTOCOL": plain,
	"RESPONSE_CODE": plain, "RESPONSE_CODE_DETAILS": details, "RESPONSE_FLAGS": plain, "RESPONSE_FLAGS_LONG": plain,
	"CONNECTION_TERMINATION_DETAILS": plain, "GRPC_STATUS": grpc, "GRPC_STATUS_NUMBER": plain,
	"ROUTE_NAME": plain, "FILTER_CHAIN_NAME": plain, "REQUESTED_SERVER_NAME": plain,

	"BYTES_RECEIVED": plain, "BYTES_SENT": plain,
	"REQUEST_HEADERS_BYTES": plain, "RESPONSE_HEADERS_BYTES": plain, "RESPONSE_TRAILERS_BYTES": plain,
	"UPSTREAM_WIRE_BYTES_SENT": plain, "UPSTREAM_WIRE_BYTES_RECEIVED": plain,
	"UPSTREAM_HEADER_BYTES_SENT": plain, "UPSTREAM_HEADER_BYTES_RECEIVED": plain,
	"DOWNSTREAM_WIRE_BYTES_SENT": plain, "DOWNSTREAM_WIRE_BYTES_RECEIVED": plain,
	"DOWNSTREAM_HEADER_BYTES_SENT": plain, "DOWNSTREAM_HEADER_BYTES_RECEIVED": plain,

	"DURATION": plain, "COMMON_DURATION": span,
	"REQUEST_DURATION": plain, "REQUEST_TX_DURATION": plain, "RESPONSE_DURATION": plain, "RESPONSE_TX_DURATION": plain,
	"DOWNSTREAM_HANDSHAKE_DURATION": plain, "UPSTREAM_CONNECTION_POOL_READY_DURATION": plain,

	"UPSTREAM_CLUSTER": plain, "UPSTREAM_CLUSTER_RAW": plain, "UPSTREAM_HOST": plain, "UPSTREAM_REQUEST_ATTEMPT_COUNT": plain,
	"UPSTREAM_LOCAL_ADDRESS": plain, "UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT": mask, "UPSTREAM_LOCAL_PORT": plain,
	"UPSTREAM_REMOTE_ADDRESS": plain, "UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT": mask, "UPSTREAM_REMOTE_PORT": plain,
	"UPSTREAM_HOSTS_ATTEMPTED": plain, "UPSTREAM_TRANSPORT_FAILURE_REASON": plain,
	"DOWNSTREAM_REMOTE_ADDRESS": plain, "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT": mask, "DOWNSTREAM_REMOTE_PORT": plain,
	"DOWNSTREAM_DIRECT_REMOTE_ADDRESS": plain, "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT": mask,
	"DOWNSTREAM_LOCAL_ADDRESS": plain, "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT": mask, "DOWNSTREAM_LOCAL_PORT": plain,
	"CONNECTION_ID": plain, "UPSTREAM_CONNECTION_ID": plain, "STREAM_ID": plain,

	"DOWNSTREAM_PEER_SUBJECT": plain, "DOWNSTREAM_PEER_ISSUER": plain, "DOWNSTREAM_PEER_SERIAL": plain,
	"DOWNSTREAM_PEER_URI_SAN": plain, "DOWNSTREAM_PEER_DNS_SAN": plain, "DOWNSTREAM_PEER_EMAIL_SAN": plain, "DOWNSTREAM_PEER_IP_SAN": plain,
	"DOWNSTREAM_PEER_FINGERPRINT_256": plain, "DOWNSTREAM_LOCAL_SUBJECT": plain,
	"DOWNSTREAM_TLS_VERSION": plain, "DOWNSTREAM_TLS_CIPHER": plain, "DOWNSTREAM_TLS_SESSION_ID": plain,

	"DYNAMIC_METADATA": metadata, "CLUSTER_METADATA": clusterMetadata,
	"HOSTNAME": plain,
}

// refused are operators of Envoy that no user may have, with the reason.
var refused = map[string]string{
	"ENVIRONMENT":  "reads the environment of the proxy, which is its administrator's",
	"FILE_CONTENT": "reads files of the proxy, its keys among them",
	"SECRET":       "reads secrets of the proxy",
}
