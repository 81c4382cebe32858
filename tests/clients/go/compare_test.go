package notifydtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// decode reads JSON into out with its integers digit for digit, and refuses fields that out does not have.
func decode(text []byte, out interface{}) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	decoder.DisallowUnknownFields()
	return decoder.Decode(out)
}

func read(t *testing.T, file string, out interface{}) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(out); err != nil {
		t.Fatal(file, err)
	}
}

// generic is a value as JSON has it.
func generic(t *testing.T, value interface{}) interface{} {
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var out interface{}
	if err := decode(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// difference says where a value of Go's types is not what an answer held; "" where it is. What is null or missing in JSON is Go's zero value,
// times are compared as such.
func difference(wanted, seen interface{}, at string) string {
	switch wanted := wanted.(type) {
	case nil:
		if !zero(seen) {
			return fmt.Sprintf("%s: %v instead of nothing", at, seen)
		}
	case map[string]interface{}:
		fields, ok := seen.(map[string]interface{})
		if !ok {
			return fmt.Sprintf("%s: %v is no object", at, seen)
		}
		for name, field := range wanted {
			if text := difference(field, fields[name], at+"/"+name); text != "" {
				return text
			}
		}
		for name, field := range fields {
			if _, there := wanted[name]; !there && !zero(field) {
				return fmt.Sprintf("%s/%s: %v where nothing was said", at, name, field)
			}
		}
	case []interface{}:
		items, ok := seen.([]interface{})
		if !ok || len(items) != len(wanted) {
			return fmt.Sprintf("%s: %v instead of %v", at, seen, wanted)
		}
		for i := range wanted {
			if text := difference(wanted[i], items[i], fmt.Sprintf("%s/%d", at, i)); text != "" {
				return text
			}
		}
	case string:
		text, _ := seen.(string)
		one, errOne := time.Parse(time.RFC3339Nano, wanted)
		other, errOther := time.Parse(time.RFC3339Nano, text)
		if text != wanted && (errOne != nil || errOther != nil || !one.Equal(other)) {
			return fmt.Sprintf("%s: %q instead of %q", at, text, wanted)
		}
	default:
		if fmt.Sprint(wanted) != fmt.Sprint(seen) {
			return fmt.Sprintf("%s: %v instead of %v", at, seen, wanted)
		}
	}
	return ""
}

func zero(value interface{}) bool {
	switch value := value.(type) {
	case map[string]interface{}:
		for _, field := range value {
			if !zero(field) {
				return false
			}
		}
		return true
	case []interface{}:
		return len(value) == 0
	case string:
		return value == "" || strings.HasPrefix(value, "0001-01-01T")
	}
	return value == nil || fmt.Sprint(value) == "0" || value == false
}
