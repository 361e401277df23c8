using System.Globalization;
using Mono.Cecil;

namespace Billing.Architecture;

/// <summary>The public surface of an assembly as text, one line per type and member, in a stable order.</summary>
/// <remarks>
/// Left out, because they follow from the type's own line: what the compiler adds to records and enums, and overrides of
/// <see cref="object"/>. Nullable annotations are left out too.
/// </remarks>
internal static class PublicApi
{
    private static readonly Dictionary<string, string> Keywords = new()
    {
        ["System.Object"] = "object", ["System.String"] = "string", ["System.Boolean"] = "bool", ["System.Void"] = "void",
        ["System.Int32"] = "int", ["System.Int64"] = "long", ["System.Int16"] = "short", ["System.Byte"] = "byte",
        ["System.UInt32"] = "uint", ["System.UInt64"] = "ulong", ["System.UInt16"] = "ushort", ["System.SByte"] = "sbyte",
        ["System.Decimal"] = "decimal", ["System.Char"] = "char", ["System.Double"] = "double", ["System.Single"] = "float",
    };

    private static readonly string[] OfObject = ["ToString", "Equals", "GetHashCode", "Finalize"];

    public static IReadOnlyList<string> Lines(ModuleDefinition module) =>
    [
        .. module.Types.SelectMany(TypeUses.WithNested)
            .Where(IsVisible)
            .OrderBy(FullName, StringComparer.Ordinal)
            .SelectMany(t => Members(t).Order(StringComparer.Ordinal).Prepend(Header(t))),
    ];

    private static bool IsVisible(TypeDefinition type) =>
        !type.Name.Contains('<', StringComparison.Ordinal)
        && (type.IsPublic || ((type.IsNestedPublic || type.IsNestedFamily || type.IsNestedFamilyOrAssembly) && IsVisible(type.DeclaringType)));

    private static string Header(TypeDefinition type)
    {
        var bases = type.Interfaces.Select(i => Name(i.InterfaceType)).Order(StringComparer.Ordinal).ToList();
        if (type.BaseType is { } parent && parent.FullName is not ("System.Object" or "System.ValueType" or "System.Enum" or "System.MulticastDelegate"))
        {
            bases.Insert(0, Name(parent));
        }

        if (type.IsEnum)
        {
            bases = [Name(type.Fields.First(f => f.Name == "value__").FieldType)];
        }

        var inherits = bases.Count == 0 ? "" : " : " + string.Join(", ", bases);
        return $"{Marks(type)}{Kind(type)} {FullName(type)}{inherits}{Constraints(type)}";
    }

    private static string Kind(TypeDefinition type)
    {
        if (type.IsEnum)
        {
            return "enum";
        }

        if (type.IsInterface)
        {
            return "interface";
        }

        if (type.BaseType?.FullName == "System.MulticastDelegate")
        {
            return "delegate";
        }

        var record = type.Methods.Any(m => m.Name == "PrintMembers" && IsGenerated(m)) ? "record " : "";
        if (type.IsValueType)
        {
            var readOnly = type.CustomAttributes.Any(a => a.AttributeType.Name == "IsReadOnlyAttribute") ? "readonly " : "";
            return $"{readOnly}{record}struct";
        }

        var form = (type.IsAbstract, type.IsSealed) switch
        {
            (true, true) => "static ",
            (true, false) => "abstract ",
            (false, true) => "sealed ",
            _ => "",
        };
        return $"{form}{record}class";
    }

    private static IEnumerable<string> Members(TypeDefinition type)
    {
        if (type.BaseType?.FullName == "System.MulticastDelegate")
        {
            return [Method(type.Methods.Single(m => m.Name == "Invoke"))];
        }

        return type.Fields.Where(f => IsVisible(f.Attributes) && f.Name != "value__").Select(Field)
            .Concat(type.Properties.Where(p => !IsOfRecord(p) && (IsVisible(p.GetMethod) || IsVisible(p.SetMethod))).Select(Property))
            .Concat(type.Events.Where(e => IsVisible(e.AddMethod)).Select(e => $"  {Marks(e)}event {FullName(type)}.{e.Name} -> {Name(e.EventType)}"))
            .Concat(type.Methods.Where(IsListed).Select(Method));
    }

    private static bool IsListed(MethodDefinition method) =>
        IsVisible(method)
        && !method.IsGetter && !method.IsSetter && !method.IsAddOn && !method.IsRemoveOn
        && (!IsGenerated(method) || method.Name == "Deconstruct")
        && !method.Name.Contains('<', StringComparison.Ordinal)
        && !(method.IsVirtual && method.IsReuseSlot && OfObject.Contains(method.Name));

    private static bool IsOfRecord(PropertyDefinition property) => property.Name == "EqualityContract";

    private static bool IsGenerated(ICustomAttributeProvider member) =>
        member.CustomAttributes.Any(a => a.AttributeType.Name == "CompilerGeneratedAttribute");

    private static bool IsVisible(FieldAttributes attributes) =>
        (attributes & FieldAttributes.FieldAccessMask) is FieldAttributes.Public or FieldAttributes.Family or FieldAttributes.FamORAssem;

    private static bool IsVisible(MethodDefinition? method) => method is not null && (method.IsPublic || IsProtected(method));

    private static bool IsProtected(MethodDefinition method) =>
        (method.IsFamily || method.IsFamilyOrAssembly) && !method.DeclaringType.IsSealed;

    private static string Field(FieldDefinition field)
    {
        var form = field.IsLiteral ? "const " : field.IsStatic ? "static " : "";
        var readOnly = field.IsInitOnly ? "readonly " : "";
        var value = field.HasConstant ? " = " + Constant(field.Constant) : "";
        return $"  {Marks(field)}{form}{readOnly}{FullName(field.DeclaringType)}.{field.Name} -> {Name(field.FieldType)}{value}";
    }

    private static string Property(PropertyDefinition property)
    {
        var required = property.CustomAttributes.Any(a => a.AttributeType.Name == "RequiredMemberAttribute") ? "required " : "";
        var accessors = new[]
        {
            Accessor(property.GetMethod, "get"),
            Accessor(property.SetMethod, property.SetMethod?.ReturnType is RequiredModifierType ? "init" : "set"),
        };
        var index = property.HasParameters ? $"[{Parameters(property.Parameters)}]" : "";
        var form = Form((property.GetMethod ?? property.SetMethod)!);
        return $"  {Marks(property)}{required}{form}{FullName(property.DeclaringType)}.{property.Name}{index} {{ {string.Join(" ", accessors.Where(a => a.Length > 0))} }} -> {Name(property.PropertyType)}";
    }

    private static string Accessor(MethodDefinition? method, string name) =>
        method is null || !IsVisible(method) ? "" : (method.IsPublic ? "" : "protected ") + name + ";";

    private static string Method(MethodDefinition method)
    {
        var generic = method.HasGenericParameters ? $"<{string.Join(", ", method.GenericParameters.Select(p => p.Name))}>" : "";
        var extension = method.CustomAttributes.Any(a => a.AttributeType.Name == "ExtensionAttribute") ? "this " : "";
        var protection = method.IsPublic ? "" : "protected ";
        return $"  {Marks(method)}{protection}{Form(method)}{FullName(method.DeclaringType)}.{method.Name}{generic}({extension}{Parameters(method.Parameters)}) -> {Name(method.ReturnType)}{Constraints(method)}";
    }

    private static string Form(MethodDefinition method) => method switch
    {
        { IsStatic: true, IsAbstract: true } => "static abstract ",
        { IsStatic: true } => "static ",
        { DeclaringType.IsInterface: true } => method.IsAbstract ? "" : "default ",
        { IsAbstract: true } => "abstract ",
        { IsVirtual: true, IsReuseSlot: true } => method.IsFinal ? "sealed override " : "override ",
        { IsVirtual: true, IsFinal: false } => "virtual ",
        _ => "",
    };

    private static string Parameters(IEnumerable<ParameterDefinition> parameters) => string.Join(", ", parameters.Select(p =>
    {
        var passed = p.IsOut ? "out " : p.ParameterType.IsByReference ? (p.IsIn ? "in " : "ref ") : "";
        var many = p.CustomAttributes.Any(a => a.AttributeType.Name is "ParamArrayAttribute" or "ParamCollectionAttribute") ? "params " : "";
        var preset = p.IsOptional ? " = " + Constant(DefaultOf(p)) : "";
        return $"{many}{passed}{Name(p.ParameterType)} {p.Name}{preset}";
    }));

    private static object? DefaultOf(ParameterDefinition parameter)
    {
        if (parameter.HasConstant)
        {
            return parameter.Constant;
        }

        var number = parameter.CustomAttributes.FirstOrDefault(a => a.AttributeType.Name == "DecimalConstantAttribute");
        return number is null ? null : string.Join(",", number.ConstructorArguments.Select(a => a.Value));
    }

    private static string Constraints(IGenericParameterProvider provider) => string.Concat(provider.GenericParameters.Select(p =>
    {
        var parts = p.Constraints.Select(c => Name(c.ConstraintType)).Where(c => c != "System.ValueType").ToList();
        if (p.HasReferenceTypeConstraint)
        {
            parts.Insert(0, "class");
        }

        if (p.HasNotNullableValueTypeConstraint)
        {
            parts.Insert(0, "struct");
        }
        else if (p.HasDefaultConstructorConstraint)
        {
            parts.Add("new()");
        }

        return parts.Count == 0 ? "" : $" where {p.Name} : {string.Join(", ", parts)}";
    }));

    private static string Marks(ICustomAttributeProvider member) => string.Concat(member.CustomAttributes
        .Where(a => a.AttributeType.FullName is "System.ObsoleteAttribute" or "System.FlagsAttribute" or "System.Diagnostics.CodeAnalysis.ExperimentalAttribute"
            && !a.ConstructorArguments.Any(c => c.Value is string text && text.StartsWith("Constructors of types with required members", StringComparison.Ordinal)))
        .Select(a => $"[{a.AttributeType.Name[..^"Attribute".Length]}] ")
        .Order(StringComparer.Ordinal));

    private static string Constant(object? value) => value switch
    {
        null => "null",
        string text => $"\"{text}\"",
        bool flag => flag ? "true" : "false",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    private static string FullName(TypeDefinition type)
    {
        var outer = type.DeclaringType is { } declaring ? FullName(declaring) + "." : type.Namespace.Length > 0 ? type.Namespace + "." : "";
        var inherited = type.DeclaringType?.GenericParameters.Count ?? 0;
        var own = type.GenericParameters.Skip(inherited).Select(p => p.Name).ToList();
        return outer + type.Name.Split('`')[0] + (own.Count == 0 ? "" : $"<{string.Join(", ", own)}>");
    }

    private static string Name(TypeReference type) => type switch
    {
        GenericParameter parameter => parameter.Name,
        ArrayType array => $"{Name(array.ElementType)}[{new string(',', array.Rank - 1)}]",
        ByReferenceType reference => Name(reference.ElementType),
        IModifierType modified => Name(modified.ElementType),
        PointerType pointer => Name(pointer.ElementType) + "*",
        GenericInstanceType { ElementType.FullName: "System.Nullable`1" } nullable => Name(nullable.GenericArguments[0]) + "?",
        GenericInstanceType generic => GenericName(generic),
        _ when Keywords.TryGetValue(type.FullName, out var keyword) => keyword,
        { DeclaringType: { } outer } => $"{Name(outer)}.{type.Name.Split('`')[0]}",
        _ => type.FullName.Split('`')[0],
    };

    private static string GenericName(GenericInstanceType type) =>
        $"{Name(type.ElementType)}<{string.Join(", ", type.GenericArguments.Select(Name))}>";
}
