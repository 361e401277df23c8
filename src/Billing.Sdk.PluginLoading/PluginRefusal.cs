namespace Billing.PluginLoading;

/// <summary>Why a plugin was not loaded. Names are stable; hosts may alert on them.</summary>
public enum PluginRefusal
{
    /// <summary>The folder of plugins that the options name does not exist or cannot be listed.</summary>
    FolderNotFound,

    /// <summary>The folder has neither FOLDER.dll nor exactly one *.deps.json that names the main assembly.</summary>
    NoMainAssembly,

    /// <summary>The main assembly is not a managed assembly, or is damaged.</summary>
    NotAnAssembly,

    /// <summary>A file of the folder cannot be read.</summary>
    Unreadable,

    /// <summary>The assembly has no <c>[assembly: BillingPlugin&lt;T&gt;("name")]</c>.</summary>
    NoPluginAttribute,

    /// <summary>The assembly has more than one of them.</summary>
    SeveralPluginAttributes,

    /// <summary>The plugin's name is empty, too long, or has control characters.</summary>
    InvalidName,

    /// <summary>The SDK version in the attribute is not <c>major.minor.patch</c>.</summary>
    SdkVersionUnreadable,

    /// <summary>Built against another major version of the SDK.</summary>
    SdkMajorDiffers,

    /// <summary>Built against another minor version while the major version is 0, when each minor may break.</summary>
    SdkMinorDiffers,

    /// <summary>Built against a newer minor version than the host runs on.</summary>
    NewerSdkMinor,

    /// <summary>The folder carries a copy of an assembly that is the host's to provide.</summary>
    CarriesSharedAssembly,

    /// <summary>It needs a newer version of a shared assembly than the host has.</summary>
    SharedAssemblyTooOld,

    /// <summary>It needs a shared assembly that the host does not have.</summary>
    SharedAssemblyMissing,

    /// <summary>A file differs from the one in the manifest.</summary>
    HashMismatch,

    /// <summary>The manifest does not list the plugin, or a file in its folder.</summary>
    NotInManifest,

    /// <summary>The manifest lists the plugin, or a file of it, and it is not there.</summary>
    MissingFromFolder,

    /// <summary>Another plugin that is loaded has the same name.</summary>
    DuplicateName,

    /// <summary>Another plugin that is loaded registers a task of the same stage and name.</summary>
    DuplicateTask,

    /// <summary>The assembly, or one that it needs, could not be loaded, or its plugin class is not one.</summary>
    LoadFailed,

    /// <summary>Creating the plugin class or its Configure threw, or registered what cannot be used.</summary>
    ConfigureThrew,
}
