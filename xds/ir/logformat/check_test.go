package logformat

import (
	"os"
	"slices"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	for text, refused := range map[string]string{
		"plain text": "", "100%%": "", "%%%PROTOCOL%%%": "", "%RESPONSE_CODE%": "", "%REQ(USER-AGENT)%": "", "%REQ(X-A?:PATH):100%": "",
		"%START_TIME%": "", "%START_TIME(%Y/%m/%dT%H:%M:%S.%3f%z)%": "", "%START_TIME(%s)% %DURATION%\n": "",
		"%COMMON_DURATION(DS_RX_BEG:US_RX_BODY_BEG:ms)%": "", "%GRPC_STATUS(NUMBER)%": "", "%DYNAMIC_METADATA(kedify.hold:held_ms)%": "",
		"%RESPONSE_CODE_DETAILS(ALLOW_WHITESPACES)%": "", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(24)%": "", "%PATH(NQ:ORIG)%": "",
		"ü %PROTOCOL% 日本": "",

		"": "is empty", "%": `"%" is no command operator`, "100% of": `"% of" is no command operator`,
		"%PROTOCOL": "is no command operator", "%protocol%": "is no command operator", "%PROTOCOL%%": "is no command operator",
		"%%%": "is no command operator", "%REQ(X-A%": "is no command operator", "%REQ(a(b))%": "is no command operator",
		"%NOT_ONE%":     "%NOT_ONE%: is not one of the command operators",
		"%PROTOCOL()%":  "%PROTOCOL()%: takes no arguments",
		"%PROTOCOL(a)%": "takes no arguments", "%DURATION:10%": "takes no length",
		"%REQ%": "needs arguments: a header", "%REQ()%": `"" is not a header`, "%REQ(a?b?c)%": "is not a header", "%REQ(a b)%": "is not a header",
		"%REQ(a):0%": "length 0 is not", "%REQ(a):10000%": "length 10000 is not", "%REQ(a):-1%": "is no command operator",
		"%START_TIME(%Q)%": "is not a format of a time", "%START_TIME()%": "is not a format of a time",
		"%START_TIME(%Y\n)%":         "is no command operator",
		"%CLUSTER_METADATA(a:b):10%": "takes no length",
		"%COMMON_DURATION(a:b:ms)%":  "two points in time", "%COMMON_DURATION(DS_RX_BEG:DS_TX_END:s)%": "two points in time",
		"%DYNAMIC_METADATA%": "needs arguments", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(33)%": "length of a prefix",
		"%FILE_CONTENT(/etc/kedify/xds/tls.key)%": "reads files of the proxy", "%ENVIRONMENT(HOME)%": "reads the environment",
		"%SECRET(a)%": "reads secrets", "%CEL(request.path)%": "is not one of", "%FILTER_STATE(a:PLAIN)%": "is not one of",
		"a\x00": "is not a text", "\xff": "is not a text", strings.Repeat("a", MaxText+1): "more than 8192",
	} {
		if err := Check(text); (err == nil) != (refused == "") || err != nil && !strings.Contains(err.Error(), refused) {
			t.Errorf("%.60q: %v, want %q", text, err, refused)
		}
	}
}

func TestCheckFields(t *testing.T) {
	many := map[string]string{}
	for i := range MaxFields + 1 {
		many[strings.Repeat("a", i+1)] = "b"
	}
	for _, c := range []struct {
		fields  map[string]string
		refused string
	}{
		{map[string]string{"status": "%RESPONSE_CODE%", "a b": "", "c": "text"}, `["a b"]: is empty`},
		{map[string]string{"status": "%RESPONSE_CODE%", "a b": "x"}, ""},
		{map[string]string{"z": "%", "a": "%%"}, `["z"]: "%" is no command operator`},
		{map[string]string{"": "a"}, `[""]: is not a name`},
		{map[string]string{strings.Repeat("n", MaxName+1): "a"}, "is not a name of 1 to 128 bytes"},
		{map[string]string{"\xff": "a"}, "is not a name"},
		{nil, ": has 0 fields"},
		{many, ": has 129 fields"},
		{map[string]string{"a": strings.Repeat("a", MaxText)}, ": has 8193 bytes, more than 8192"},
	} {
		err := CheckFields(c.fields)
		if (err == nil) != (c.refused == "") || err != nil && !strings.Contains(err.Error(), c.refused) {
			t.Errorf("%.60v: %v, want %q", c.fields, err, c.refused)
		}
	}
}

// FuzzFormat: no text makes the check panic, and what it takes reads no file, environment or secret.
func FuzzFormat(f *testing.F) {
	for _, seed := range []string{
		"%REQ(a?b):1%", "%START_TIME(%Y)%", "%%", "%FILE_CONTENT(/a)%", "%ENVIRONMENT(A)%", "%REQ(a%ENVIRONMENT(A)%)%",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if Check(text) != nil {
			return
		}
		for rest := text; ; {
			_, after, found := strings.Cut(rest, "%")
			if !found {
				return
			}
			if strings.HasPrefix(after, "%") {
				rest = after[1:]
				continue
			}
			for name := range refused {
				if strings.HasPrefix(after, name) {
					t.Errorf("%q is taken", text)
				}
			}
			if name, arguments, found := strings.Cut(after, "("); found && !strings.Contains(name, "%") {
				_, after, _ = strings.Cut(arguments, ")")
			}
			_, rest, _ = strings.Cut(after, "%")
		}
	})
}

// TestPageHasTheOperators: the page lists what may be used, and nothing else.
func TestPageHasTheOperators(t *testing.T) {
	page, err := os.ReadFile("../../../docs/telemetry.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(page), "<!-- operators -->")
	list, _, _ = strings.Cut(list, "<!-- end of operators -->")
	words := strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune("`, \n", r) })
	if want := Operators(); !slices.Equal(words, want) {
		t.Errorf("the page has %v, want %v", words, want)
	}
}

// TestPageHasTheAttributes: the page lists the attributes that a policy may name, and nothing else.
func TestPageHasTheAttributes(t *testing.T) {
	page, err := os.ReadFile("../../../docs/telemetry.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(page), "An `attributeKey` is one of")
	list, _, _ = strings.Cut(list, ";")
	words := strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune("`, \n", r) })
	if want := Attributes(); !slices.Equal(words, want) {
		t.Errorf("the page has %v, want %v", words, want)
	}
	for _, key := range Attributes() {
		if attribute, known := AttributeOf(key); !known || Check(attribute.Format) != nil {
			t.Errorf("%s: %q is no format that users may write", key, attribute.Format)
		}
	}
}
