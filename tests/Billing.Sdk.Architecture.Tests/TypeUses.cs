using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Billing.Architecture;

/// <summary>Which types a type uses, and where: signatures, fields, attributes, locals and instructions, nested and generated types included.</summary>
internal static class TypeUses
{
    /// <summary>The types in the order of the assembly, each with its nested types.</summary>
    public static IEnumerable<TypeDefinition> WithNested(TypeDefinition type) => type.NestedTypes.SelectMany(WithNested).Prepend(type);

    /// <summary>The outermost type, which people know by name.</summary>
    public static TypeDefinition Outermost(TypeDefinition type) => type.DeclaringType is { } outer ? Outermost(outer) : type;

    /// <summary>Every use, as the member that uses and the type used (arrays, generics and references taken apart).</summary>
    public static IEnumerable<(string Where, TypeReference Used)> Of(TypeDefinition type) =>
        from part in WithNested(type)
        from use in OfOne(part)
        from element in Elements(use.Used)
        select (use.Where, element);

    /// <summary>The named types that a type expression is made of.</summary>
    public static IEnumerable<TypeReference> Elements(TypeReference? type) => type switch
    {
        null or GenericParameter => [],
        GenericInstanceType generic => generic.GenericArguments.SelectMany(Elements).Concat(Elements(generic.ElementType)),
        IModifierType modified => Elements(modified.ElementType).Concat(Elements(modified.ModifierType)),
        FunctionPointerType pointer => pointer.Parameters.SelectMany(p => Elements(p.ParameterType)).Concat(Elements(pointer.ReturnType)),
        TypeSpecification specification => Elements(specification.ElementType),
        _ => type.DeclaringType is { } outer ? Elements(outer).Prepend(type) : [type],
    };

    private static IEnumerable<(string Where, TypeReference Used)> OfOne(TypeDefinition type)
    {
        var name = type.Name;
        var header = Attributes(type)
            .Concat(type.Interfaces.Select(i => i.InterfaceType))
            .Concat(Constraints(type))
            .Append(type.BaseType);
        foreach (var used in header)
        {
            yield return (name, used);
        }

        foreach (var field in type.Fields)
        {
            foreach (var used in Attributes(field).Append(field.FieldType))
            {
                yield return ($"{name}.{field.Name}", used);
            }
        }

        foreach (var member in type.Properties.Cast<ICustomAttributeProvider>().Concat(type.Events))
        {
            foreach (var used in Attributes(member))
            {
                yield return ($"{name}.{((MemberReference)member).Name}", used);
            }
        }

        foreach (var method in type.Methods)
        {
            foreach (var used in Signature(method).Concat(Body(method)))
            {
                yield return ($"{name}.{method.Name}", used);
            }
        }
    }

    private static IEnumerable<TypeReference> Signature(MethodDefinition method) =>
        Attributes(method)
            .Concat(method.Parameters.SelectMany(p => Attributes(p).Append(p.ParameterType)))
            .Concat(Attributes(method.MethodReturnType))
            .Concat(Constraints(method))
            .Append(method.ReturnType);

    private static IEnumerable<TypeReference> Body(MethodDefinition method)
    {
        if (!method.HasBody)
        {
            return [];
        }

        return method.Body.Variables.Select(v => v.VariableType)
            .Concat(method.Body.ExceptionHandlers.Select(h => h.CatchType).OfType<TypeReference>())
            .Concat(method.Body.Instructions.SelectMany(Operand));
    }

    private static IEnumerable<TypeReference> Operand(Instruction instruction) => instruction.Operand switch
    {
        TypeReference type => [type],
        FieldReference field => [field.DeclaringType, field.FieldType],
        MethodReference method => Called(method),
        CallSite site => site.Parameters.Select(p => p.ParameterType).Append(site.ReturnType),
        _ => [],
    };

    private static IEnumerable<TypeReference> Called(MethodReference method)
    {
        var arguments = method is GenericInstanceMethod generic ? generic.GenericArguments : [];
        return arguments.Concat(method.Parameters.Select(p => p.ParameterType)).Append(method.ReturnType).Append(method.DeclaringType);
    }

    private static IEnumerable<TypeReference> Constraints(IGenericParameterProvider provider) =>
        provider.GenericParameters.SelectMany(p => p.Constraints).Select(c => c.ConstraintType);

    private static IEnumerable<TypeReference> Attributes(ICustomAttributeProvider provider) =>
        provider.CustomAttributes.SelectMany(a => a.ConstructorArguments
            .Concat(a.Properties.Select(p => p.Argument))
            .Select(c => c.Value)
            .OfType<TypeReference>()
            .Append(a.AttributeType));
}
