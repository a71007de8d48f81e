package native

import "reflect"

// unboundItems are the items that a spec version does not have.
func unboundItems(items any) (names []string) {
	pallets := reflect.ValueOf(items).Elem()
	for p := range pallets.NumField() {
		for i := range pallets.Field(p).NumField() {
			item, ok := pallets.Field(p).Field(i).Addr().Interface().(interface{ exists() bool })
			if ok && !item.exists() {
				names = append(names, pallets.Type().Field(p).Name+"."+pallets.Field(p).Type().Field(i).Name)
			}
		}
	}
	return names
}
