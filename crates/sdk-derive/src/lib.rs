//! `#[derive(Input)]`: one struct says what an operation takes. Field types parse leniently, doc comments are the help.
//!
//! Per field: `#[field(required)]` refuses a request without it, `#[field(default = expr)]` stands in when it is absent,
//! `#[field(rest)]` (a JSON map) takes the whole body and makes the operation accept any field, `#[field(flatten)]` takes
//! the fields of another input as its own, `#[field(name = "…")]` names it on the wire, `#[field(deprecated)]` says so in
//! the help. Without any of these an absent field is `Default::default()`.

use proc_macro::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Expr, ExprLit, Fields, Lit, LitStr, Meta, parse_macro_input};

#[proc_macro_derive(Input, attributes(field))]
pub fn input(item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as DeriveInput);
    expand(&item).unwrap_or_else(|e| e.to_compile_error()).into()
}

#[derive(Default)]
struct Options {
    required: bool,
    rest: bool,
    flatten: bool,
    deprecated: bool,
    default: Option<Expr>,
    name: Option<String>,
}

fn expand(item: &DeriveInput) -> syn::Result<proc_macro2::TokenStream> {
    let Data::Struct(data) = &item.data else {
        return Err(syn::Error::new_spanned(item, "Input is derived for structs"));
    };
    let fields = match &data.fields {
        Fields::Named(named) => named.named.iter().collect(),
        Fields::Unit => Vec::new(),
        Fields::Unnamed(_) => return Err(syn::Error::new_spanned(item, "Input needs named fields")),
    };
    let mut specs = Vec::new();
    let mut parses = Vec::new();
    let mut arbitrary = false;
    for field in fields {
        let ident = field.ident.as_ref().expect("named fields have names");
        let options = options(field)?;
        let name = options.name.unwrap_or_else(|| ident.to_string());
        let (ty, required, deprecated) = (&field.ty, options.required, options.deprecated);
        if options.rest {
            arbitrary = true;
            parses.push(quote!(#ident: params.body().clone()));
            continue;
        }
        if options.flatten {
            specs.push(quote!(fields.extend(<#ty as ::sdk::Input>::fields());));
            parses.push(quote!(#ident: <#ty as ::sdk::Input>::parse(params)?));
            continue;
        }
        let help = doc(field);
        specs.push(quote!(fields.push(::sdk::FieldSpec {
            name: #name, kind: <#ty as ::sdk::FromField>::KIND, format: <#ty as ::sdk::FromField>::FORMAT, help: #help,
            required: #required, deprecated: #deprecated,
        });));
        parses.push(match (options.default, required) {
            (Some(default), _) => quote!(#ident: params.take(#name)?.unwrap_or_else(|| #default)),
            (None, true) => quote!(#ident: params.require(#name)?),
            (None, false) => quote!(#ident: params.take(#name)?.unwrap_or_default()),
        });
    }
    let (name, (generics, types, clause)) = (&item.ident, item.generics.split_for_impl());
    let body = if matches!(data.fields, Fields::Unit) { quote!(Self) } else { quote!(Self { #(#parses),* }) };
    Ok(quote! {
        impl #generics ::sdk::Input for #name #types #clause {
            const ARBITRARY: bool = #arbitrary;
            fn fields() -> ::std::vec::Vec<::sdk::FieldSpec> {
                #[allow(unused_mut)]
                let mut fields = ::std::vec::Vec::new();
                #(#specs)*
                fields
            }
            fn parse(params: &::sdk::Params) -> ::std::result::Result<Self, ::sdk::Failure> {
                let _ = params;
                Ok(#body)
            }
        }
    })
}

fn options(field: &syn::Field) -> syn::Result<Options> {
    let mut options = Options::default();
    for attr in field.attrs.iter().filter(|a| a.path().is_ident("field")) {
        attr.parse_nested_meta(|meta| {
            if meta.path.is_ident("required") {
                options.required = true;
            } else if meta.path.is_ident("rest") {
                options.rest = true;
            } else if meta.path.is_ident("flatten") {
                options.flatten = true;
            } else if meta.path.is_ident("deprecated") {
                options.deprecated = true;
            } else if meta.path.is_ident("default") {
                options.default = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("name") {
                options.name = Some(meta.value()?.parse::<LitStr>()?.value());
            } else {
                return Err(meta.error("expected required, rest, flatten, deprecated, default = … or name = …"));
            }
            Ok(())
        })?;
    }
    Ok(options)
}

fn doc(field: &syn::Field) -> String {
    let mut lines = Vec::new();
    for attr in &field.attrs {
        let Meta::NameValue(pair) = &attr.meta else { continue };
        if let (true, Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) = (pair.path.is_ident("doc"), &pair.value) {
            lines.push(text.value().trim().to_owned());
        }
    }
    lines.join(" ").trim().to_owned()
}
