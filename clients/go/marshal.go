package notifyd

import (
	"encoding"
	"encoding/json"
	"errors"
	"net/url"
	"reflect"
	"unicode/utf8"
)

var (
	errText       = errors.New("a text in it is not UTF-8")
	jsonMarshaler = reflect.TypeOf((*json.Marshaler)(nil)).Elem()
	textMarshaler = reflect.TypeOf((*encoding.TextMarshaler)(nil)).Elem()
)

// marshal writes JSON. The error is that of json.Marshal, and of a text that is not UTF-8, in whose place that would put U+FFFD: two keys would
// become one, and a body another one.
func marshal(in interface{}) ([]byte, error) {
	// First: of what leads back to itself, which walk would not come out of, there is no JSON.
	text, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	// A RawMessage goes out as it is.
	if !utf8.Valid(text) || !walk(reflect.ValueOf(in)) {
		return nil, errText
	}
	return text, nil
}

// walk says whether all texts that json.Marshal makes of a value are UTF-8. What a type writes by MarshalJSON is its own affair.
func walk(value reflect.Value) bool {
	if !value.IsValid() {
		return true
	}
	switch kind := value.Type(); {
	case kind.Implements(jsonMarshaler) || value.CanAddr() && reflect.PointerTo(kind).Implements(jsonMarshaler):
		return true
	case kind.Implements(textMarshaler):
		return isOwnText(value)
	case value.CanAddr() && reflect.PointerTo(kind).Implements(textMarshaler):
		return isOwnText(value.Addr())
	}
	switch value.Kind() {
	case reflect.String:
		return utf8.ValidString(value.String())
	case reflect.Pointer, reflect.Interface:
		return walk(value.Elem())
	case reflect.Slice, reflect.Array:
		return walkItems(value)
	case reflect.Map:
		for each := value.MapRange(); each.Next(); {
			// A name that is a string is written as it is, whatever else its type can do.
			name := each.Key()
			if isText := name.Kind() == reflect.String; isText && !utf8.ValidString(name.String()) || !isText && !walk(name) || !walk(each.Value()) {
				return false
			}
		}
	case reflect.Struct:
		return walkFields(value)
	}
	return true
}

func walkItems(value reflect.Value) bool {
	switch value.Type().Elem().Kind() {
	case reflect.Bool, reflect.Uint8, reflect.Int, reflect.Int64, reflect.Float64:
		return true // of these there may be many
	}
	for i := 0; i < value.Len(); i++ {
		if !walk(value.Index(i)) {
			return false
		}
	}
	return true
}

func walkFields(value reflect.Value) bool {
	for i := 0; i < value.NumField(); i++ {
		field := value.Type().Field(i)
		if (field.IsExported() || field.Anonymous) && field.Tag.Get("json") != "-" && !walk(value.Field(i)) {
			return false
		}
	}
	return true
}

// isOwnText says whether the text that a value writes is UTF-8.
func isOwnText(value reflect.Value) bool {
	if value.Kind() == reflect.Pointer && value.IsNil() || !value.CanInterface() {
		return true
	}
	text, err := value.Interface().(encoding.TextMarshaler).MarshalText()
	return err != nil || utf8.Valid(text)
}

// checkQuery gives the error of a query with a text that is not UTF-8.
func checkQuery(query url.Values) *Error {
	for name, values := range query {
		for _, text := range append([]string{name}, values...) {
			if !utf8.ValidString(text) {
				return argument("a text of the query is not UTF-8")
			}
		}
	}
	return nil
}
